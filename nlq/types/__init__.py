"""The values that flow through a translation. All frozen; nothing here does I/O.

Units: times in seconds, log-probabilities natural, sizes in documents unless a name says otherwise.
"""

from __future__ import annotations

from nlq.types.answers import Answer, Ballot, Group
from nlq.types.candidates import Candidate, Failure, Origin, Outcome, Repair, Result, Signal, Verdict, is_sample
from nlq.types.examples import Example, ExampleFilter, Record, State
from nlq.types.index import Body, EngineInfo, Field, IndexInfo, IndexSchema
from nlq.types.prompts import LinkedValue, Message, Prompt, Question, Role, SamplingParams

__all__ = [
    "Answer",
    "Ballot",
    "Body",
    "Candidate",
    "EngineInfo",
    "Example",
    "ExampleFilter",
    "Failure",
    "Field",
    "Group",
    "IndexInfo",
    "IndexSchema",
    "LinkedValue",
    "Message",
    "Origin",
    "Outcome",
    "Prompt",
    "Question",
    "Record",
    "Repair",
    "Result",
    "Role",
    "SamplingParams",
    "Signal",
    "State",
    "Verdict",
    "is_sample",
]
