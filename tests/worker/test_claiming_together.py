"""What is claimed together starts in an order that suits the model server's cache."""

from shared.enums import JobType
from tests.builders import claimed
from worker.claiming import alike_together

TEXT, MATCH = str(JobType.TEXT_TAG), str(JobType.TASK_MATCH)


def test_alike_together() -> None:
    """One user's jobs start in a row; each type stays where it was, and hurried ones in front."""
    users = [(TEXT, "2"), (TEXT, "1"), (MATCH, "1"), (TEXT, "2"), (TEXT, ""), (MATCH, "1")]
    entries = [claimed(JobType(kind), {"user_id": user} if user else {}) for kind, user in users]
    hurried = claimed(JobType.TEXT_TAG, {"user_id": "9", "deadline": "1"})
    found = alike_together([*entries, hurried])
    numbers = [[*entries, hurried].index(entry) for entry in found]
    assert numbers == [6, 4, 1, 0, 3, 2, 5]
