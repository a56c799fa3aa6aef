"""What a worker works with: claiming, slots, leases, gates, answering, delivery, tied together."""

from worker.answering import Answering, AnswerLimits
from worker.backlog import Backlog
from worker.claiming import Claiming, Limits
from worker.clock import Clock
from worker.config import Settings
from worker.consumer import Hands
from worker.delivery import Delivery, DeliveryLimits, Waiting
from worker.gates import Gates
from worker.handlers import HANDLERS
from worker.leases import Leases
from worker.marks import Marks
from worker.model_side import priorities
from worker.outside import Outside
from worker.parking import Parking
from worker.queue.job_queue import JobQueue
from worker.queue.turns import Turns
from worker.queue.writing import Writing
from worker.slots import Slots
from worker.workshop import Workshop


def build_hands(
    settings: Settings, outside: Outside, queue: JobQueue, writing: Writing, clock: Clock
) -> Hands:
    """By its settings, on what it leans on."""
    parking = Parking()
    gates = Gates(parking, clock)
    backlog = Backlog(settings.worker_outbox_max, settings.worker_outbox_max_bytes)
    marks = Marks()
    slots = Slots(settings.worker_concurrency, held_max=settings.worker_held_max)
    workshop = Workshop(
        HANDLERS,
        outside.llm,
        outside.core,
        outside.images,
        documents=outside.documents,
        vocabulary=outside.vocabulary,
        prices=outside.prices,
        text_timeout_s=settings.llm_timeout_s,
        vision_timeout_s=settings.llm_vision_timeout_s,
        priorities=priorities(settings.worker_weights),
    )
    needs = {str(name): HANDLERS[name].needs for name in settings.worker_job_types}
    lease_s = settings.worker_lease_s
    limits = Limits(slots, backlog, gates, needs, marks)
    return Hands(
        queue=queue,
        claiming=Claiming(queue, limits, clock, lease_s=lease_s, turns=_turns(settings)),
        slots=slots,
        leases=Leases(queue, lease_s),
        parking=parking,
        gates=gates,
        answering=Answering(
            workshop, _answer_limits(settings, marks), slots, parking, gates, clock
        ),
        delivery=Delivery(
            queue,
            outside.core,
            writing,
            Waiting(parking, gates, backlog),
            DeliveryLimits(settings.core_max_retries, settings.dead_letter_max),
            clock,
        ),
    )


def _turns(settings: Settings) -> Turns:
    weights = {
        str(name): settings.worker_weights.get(name, 1) for name in settings.worker_job_types
    }
    return Turns(weights, lookahead=settings.worker_lookahead)


def _answer_limits(settings: Settings, marks: Marks) -> AnswerLimits:
    return AnswerLimits(
        attempts_max=settings.llm_max_retries,
        deliveries_max=settings.worker_deliveries_max,
        alone_from_deliveries=settings.worker_alone_from_deliveries,
        payload_max_bytes=settings.worker_payload_max_bytes,
        processing_after_s=settings.worker_processing_after_s,
        cancelled=marks.cancels,
    )
