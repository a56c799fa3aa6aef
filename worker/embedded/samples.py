"""Sample jobs of every type, and the pictures they speak of."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from shared.enums import JobType

USER = 42
"""A user the reference Core knows."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A job to try."""

    job_id: str
    job_type: JobType
    payload: dict[str, Any]


_PAYLOADS: tuple[tuple[JobType, dict[str, Any]], ...] = (
    (
        JobType.TEXT_TAG,
        {
            "memory_id": "m1",
            "content": "Booked the ferry to Naxos for June, cabin on deck 7",
        },
    ),
    (
        JobType.TEXT_TAG,
        {
            "memory_id": "m2",
            "content": "Grandmother's lemon cake: four eggs, two lemons, no butter",
        },
    ),
    (JobType.IMAGE_TAG, {"memory_id": "m3", "image_path": "ferry.jpg"}),
    (JobType.IMAGE_TAG, {"memory_id": "m4", "image_path": "note.png"}),
    (
        JobType.EMAIL_EXTRACT,
        {
            "subject": "Dentist and the school concert",
            "body": "Hello, your appointment is on 14 December 2026 at 15:30. "
            "The school concert is on 18 December 2026 at 19:00 in the town hall.",
            "received_at": "2026-11-21T09:12:00+02:00",
            "timezone": "Europe/Athens",
        },
    ),
    (
        JobType.EMAIL_EXTRACT,
        {
            "subject": "Thanks",
            "body": "Thank you for the flowers, they are lovely.",
            "received_at": "2026-11-21T10:00:00+02:00",
        },
    ),
    (
        JobType.TASK_MATCH,
        {
            "memory_id": "m1",
            "memory_content": "Booked the ferry to Naxos, tickets are in the drawer",
        },
    ),
    (
        JobType.TASK_MATCH,
        {
            "memory_id": "m5",
            "memory_content": "Saw a heron by the river this morning",
        },
    ),
    (JobType.INTENT_CLASSIFY, {"query": "What tasks are still open for the kitchen?"}),
    (JobType.INTENT_CLASSIFY, {"query": "Remind me when the passport expires"}),
    (JobType.FOLLOWUP, {"message": "Book a table for us"}),
    (
        JobType.FOLLOWUP,
        {
            "message": "Move the meeting",
            "context": "Meetings this week: Tuesday 10:00 with Eleni, Thursday 14:00 with the bank",
        },
    ),
    (
        JobType.EXTRACT,
        {
            "text": "Invoice 2026-118 of 3 November 2026, total 248.50 EUR, from Aegean Paper Ltd",
            "schema": {
                "type": "object",
                "properties": {
                    "invoice_number": {"type": "string", "maxLength": 40},
                    "total": {"type": "number"},
                    "currency": {"enum": ["EUR", "USD", "GBP"]},
                },
                "required": ["invoice_number", "total", "currency"],
            },
        },
    ),
    (
        JobType.EXTRACT,
        {
            "text": "Write to maria@example.org or call +30 210 555 0100",
            "schema": {
                "type": "object",
                "properties": {
                    "email": {"type": ["string", "null"], "maxLength": 100},
                    "phone": {"type": ["string", "null"], "maxLength": 40},
                },
                "required": ["email", "phone"],
            },
        },
    ),
    (JobType.DOCUMENT, {"document_path": "tickets.pdf"}),
    (JobType.DOCUMENT, {"document_path": "tickets.pdf", "pages": [2]}),
    (JobType.IMAGE_TAG, {"memory_id": "m6", "image_path": "../secrets.txt"}),
)


def samples() -> Iterator[Sample]:
    """Two jobs of every type, and one that is wrong on purpose."""
    count: dict[JobType, int] = {}
    for job_type, payload in _PAYLOADS:
        count[job_type] = count.get(job_type, 0) + 1
        yield Sample(f"{job_type.replace('_', '-')}-{count[job_type]}", job_type, payload)


def paint(folder: Path) -> None:
    """Put the sample pictures and the sample document into a folder."""
    sea = Image.new("RGB", (1_600, 900), (120, 180, 235))
    draw = ImageDraw.Draw(sea)
    draw.rectangle((0, 520, 1_600, 900), fill=(25, 80, 160))
    draw.polygon([(700, 520), (1_000, 520), (940, 590), (760, 590)], fill=(245, 245, 245))
    draw.polygon([(850, 250), (850, 510), (990, 510)], fill=(250, 250, 250))
    sea.save(folder / "ferry.jpg", quality=85)
    note = Image.new("RGB", (700, 1_000), (250, 236, 150))
    draw = ImageDraw.Draw(note)
    for line in range(8):
        draw.line((80, 140 + line * 95, 620, 140 + line * 95), fill=(70, 60, 50), width=5)
    note.save(folder / "note.png")
    _print(folder / "tickets.pdf")


def _print(path: Path) -> None:
    """A document of two pages, a paragraph's lines on each."""
    pages = [Image.new("RGB", (620, 877), "white") for _ in range(2)]
    for number, page in enumerate(pages, 1):
        draw = ImageDraw.Draw(page)
        draw.text((60, 60), f"Ferry tickets, page {number} of 2", fill="black", font_size=28)
        for line in range(5):
            draw.text((60, 130 + 40 * line), f"Seat {number}{line}, deck 7", fill="black")
    pages[0].save(path, "PDF", save_all=True, append_images=pages[1:])
