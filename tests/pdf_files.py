"""PDFs for tests, written by hand: a few hundred bytes each, good ones and bad ones."""

from collections.abc import Sequence

RED_LEFT = "1 0 0 rg 0 0 100 100 re f"
"""Fills the left half of a page of 200 by 100 points."""
GREEN = "0 1 0 rg 0 0 100 100 re f"
BOX = "/MediaBox [0 0 200 100]"


def stream(content: str, entries: str = "") -> str:
    """A stream object's text."""
    return f"<< /Length {len(content)} {entries} >> stream\n{content}\nendstream"


def pdf_of(objects: Sequence[str], trailer: str = "") -> bytes:
    """A file of these objects, numbered from 1; the first is the catalogue."""
    parts = [b"%PDF-1.7\n"]
    places: list[int] = []
    for number, text in enumerate(objects, 1):
        places.append(sum(map(len, parts)))
        parts.append(f"{number} 0 obj\n{text}\nendobj\n".encode("latin-1"))
    start = sum(map(len, parts))
    rows = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    parts.append(f"xref\n0 {size}\n0000000000 65535 f \n{rows}".encode())
    parts.append(
        f"trailer << /Size {size} /Root 1 0 R {trailer} >>\nstartxref\n{start}\n%%EOF\n".encode()
    )
    return b"".join(parts)


def pdf(*contents: str, page: str = BOX, catalogue: str = "", trailer: str = "") -> bytes:
    """A document with one page for each content stream; `page` is what each page says of itself."""
    kids = " ".join(f"{3 + 2 * at} 0 R" for at in range(len(contents)))
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R {catalogue} >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(contents)} >>",
    ]
    for at, content in enumerate(contents):
        objects += [
            f"<< /Type /Page /Parent 2 0 R /Contents {4 + 2 * at} 0 R {page} >>",
            stream(content),
        ]
    return pdf_of(objects, trailer)


def with_looks(subtype: str, fields: str = "", form: str = "") -> bytes:
    """A page that is white but for an annotation which looks green on the page's left half."""
    return pdf_of(
        [
            f"<< /Type /Catalog /Pages 2 0 R {form} >>",
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            f"<< /Type /Page /Parent 2 0 R {BOX} /Annots [4 0 R] >>",
            f"<< /Subtype /{subtype} /Rect [0 0 100 100] {fields} /AP << /N 5 0 R >> >>",
            stream(GREEN, "/Type /XObject /Subtype /Form /BBox [0 0 100 100]"),
        ]
    )


FORM = with_looks("Widget", "/FT /Tx /T (name) /V (x)", form="/AcroForm << /Fields [4 0 R] >>")
STAMP = with_looks("Stamp")


def locked() -> bytes:
    """A document that wants a password which nobody knows."""
    key = "41" * 32
    lock = f"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <{key}> /U <{key}> >>"
    return pdf(RED_LEFT, trailer=f"{lock} /ID [<{key[:32]}> <{key[:32]}>]")


def endless() -> bytes:
    """A kilobyte that takes hours to draw: a pattern with a thousand tiles to the point."""
    paints = "/Resources << /Pattern << /P 5 0 R >> >>"
    tile = "/Type /Pattern /PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 150 150]"
    return pdf_of(
        [
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            f"<< /Type /Page /Parent 2 0 R {BOX} /Contents 4 0 R {paints} >>",
            stream("/Pattern cs /P scn 0 0 200 100 re f"),
            stream(RED_LEFT, f"{tile} /XStep 0.001 /YStep 0.001 /Resources << >>"),
        ]
    )


def greedy(depth: int = 12, times: int = 30) -> bytes:
    """Some kilobytes that take gigabytes to draw: forms that draw the next one many times over."""
    first = 5
    draws_first = f"/Resources << /XObject << /X {first} 0 R >> >>"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R {BOX} /Contents 4 0 R {draws_first} >>",
        stream("/X Do " * times),
    ]
    for level in range(depth):
        inner = f"/Resources << /XObject << /X {first + level + 1} 0 R >> >>"
        entries = "/Type /XObject /Subtype /Form /BBox [0 0 200 100]"
        last = level == depth - 1
        objects.append(stream(RED_LEFT if last else "/X Do " * times, f"{entries} {inner}"))
    return pdf_of(objects)
