"""Files that producers name: opened beneath one folder, looked into with care."""
