"""Names that people give to time zones, beside those of the IANA list.

Abbreviations mean the place, not the offset: people write "3pm EST" in July for New York's time.
Left out is what means two places: IST (India, Israel, Ireland), AST (Halifax, Riyadh).
"""

from functools import cache
from importlib.resources import files

from worker.dates.folding import fold

_PLACES = {
    "America/New_York": "est, edt, et, eastern, us eastern, new york city, nyc, boston,"
    "washington, washington dc, miami, atlanta, philadelphia",
    "America/Chicago": "cst, cdt, ct, central, us central, houston, dallas, austin, texas",
    "America/Denver": "mst, mdt, mt, mountain, us mountain",
    "America/Phoenix": "arizona",
    "America/Los_Angeles": "pst, pdt, pt, pacific, us pacific, la, california, san francisco,"
    "seattle, san diego, las vegas",
    "America/Anchorage": "akst, akdt, alaska",
    "Pacific/Honolulu": "hst, hawaii",
    "America/Halifax": "adt, atlantic",
    "America/St_Johns": "nst, ndt, newfoundland",
    "America/Sao_Paulo": "brt, brasilia, rio de janeiro",
    "America/Argentina/Buenos_Aires": "buenos aires, argentina",
    "Europe/Lisbon": "wet, west, lissabon, lisbonne, lisboa, lisbona, portugal",
    "Europe/London": "bst, uk, britain, british, british summer, england, gmt standard, londres,"
    "londra, λονδίνο, λονδίνου, manchester, edinburgh, scotland",
    "Europe/Dublin": "ireland, irish",
    "Europe/Paris": "cet, cest, hec, hnec, haec, central european, central european summer,"
    "romance, france, french, parigi, παρίσι, παρισιού, lyon",
    "Europe/Berlin": "mez, mesz, w. europe, germany, german, deutsche, deutscher, deutschland,"
    "berlino,"
    "berlín, βερολίνο, βερολίνου, munich, münchen, frankfurt, hamburg, köln, cologne, stuttgart,"
    "mitteleuropäische, mitteleuropäische sommer",
    "Europe/Vienna": "wien, austria, vienne, viena",
    "Europe/Zurich": "zürich, geneva, genf, genève, switzerland, bern",
    "Europe/Rome": "rom, roma, milan, mailand, milano, italy, italian, italiana, italia, ρώμη,"
    "ρώμης",
    "Europe/Madrid": "barcelona, spain, spanish, madrid españa, μαδρίτη",
    "Europe/Athens": "eet, eest, oez, oesz, gtb, greece, greek, athen, athènes, atenas, atene,"
    "αθήνα, αθήνας, ελλάδα, ελλάδας, ελλάδος, thessaloniki, θεσσαλονίκη, eastern european",
    "Europe/Brussels": "bruxelles, brüssel, belgium",
    "Europe/Moscow": "msk, moskau, moscou",
    "Europe/Istanbul": "trt, turkey, κωνσταντινούπολη",
    "Asia/Dubai": "gst, gulf, abu dhabi, uae",
    "Asia/Jerusalem": "israel, tel aviv",
    "Asia/Kolkata": "india, mumbai, delhi, new delhi, bangalore, bengaluru, chennai, indian",
    "Asia/Karachi": "pkt, pakistan",
    "Asia/Bangkok": "ict, thailand",
    "Asia/Jakarta": "wib",
    "Asia/Manila": "pht, philippines",
    "Asia/Shanghai": "beijing, peking, china, shenzhen",
    "Asia/Hong_Kong": "hkt",
    "Asia/Singapore": "sgt",
    "Asia/Tokyo": "jst, japan, japanese, tokio, osaka, τόκιο",
    "Asia/Seoul": "kst, korea",
    "Australia/Sydney": "aest, aedt, aet, canberra, australian eastern",
    "Australia/Adelaide": "acst, acdt",
    "Australia/Perth": "awst",
    "Pacific/Auckland": "nzst, nzdt, nzt, new zealand, wellington",
    "Africa/Johannesburg": "sast, south africa, cape town",
    "Africa/Nairobi": "eat, kenya",
    "Africa/Lagos": "wat, nigeria",
    "UTC": "utc, gmt, z, zulu, coordinated universal, greenwich mean, weltzeit, utc±0, gmt±0,utc 0",
}
PLACES = {fold(name, 40): place for place, names in _PLACES.items() for name in names.split(",")}
"""A folded name, without "time", and the IANA zone of its place."""

# Names of no place, or of a part of many: "west" is not Perth.
_NO_CITIES = frozenset(
    {
        *("north", "south", "west", "east", "general", "continental", "act", "nsw", "factory"),
        *("center", "local", "acre", "troll", "easter", "victoria", "knox", "yukon", "universal"),
        *("vincennes", "marengo", "vevay", "winamac", "petersburg", "monticello", "beulah"),
    }
)


@cache
def iana_names() -> dict[str, str]:
    """Every IANA name by its lower-case form; from the package's list, never from a path."""
    listed = files("tzdata").joinpath("zones").read_text(encoding="ascii").split()
    return {name.lower(): name for name in listed if name != "Factory"}


@cache
def cities() -> dict[str, str]:
    """The zones by the city in their name: `london`, `new york`."""
    found: dict[str, str] = {}
    for name in iana_names().values():
        area, _, city = name.rpartition("/")
        key = city.lower().replace("_", " ")
        if area and area not in {"Etc", "US", "SystemV"} and key not in _NO_CITIES:
            found.setdefault(key, name)
    return found
