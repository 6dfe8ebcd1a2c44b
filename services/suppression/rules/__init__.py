"""What suppresses an address, where and how long, and what that means for mail. Pure: no Kafka, Mongo or clock."""

from services.suppression.rules.lessons import Lesson, Strike, StrikeKind, lesson_of, soft_lessons, strike_of
from services.suppression.rules.places import PLATFORM, Place, Scope, names_for, places_of
from services.suppression.rules.reasons import (
    GUARDED,
    NEVER,
    RANKS,
    REASON_OF_TYPE,
    EntryType,
    Reason,
    lifetime_of,
    type_of,
)
from services.suppression.rules.verdicts import Entry, leading, verdict_of

__all__ = [
    "GUARDED",
    "NEVER",
    "PLATFORM",
    "RANKS",
    "REASON_OF_TYPE",
    "Entry",
    "EntryType",
    "Lesson",
    "Place",
    "Reason",
    "Scope",
    "Strike",
    "StrikeKind",
    "leading",
    "lesson_of",
    "lifetime_of",
    "names_for",
    "places_of",
    "soft_lessons",
    "strike_of",
    "type_of",
    "verdict_of",
]
