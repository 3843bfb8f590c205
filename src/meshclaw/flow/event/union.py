"""Every kind there is, closed, with the one decoder."""

from __future__ import annotations

import msgspec

from meshclaw.flow.event.action import ActionDecided, ActionFailed, ActionPerformed, ActionUnknown
from meshclaw.flow.event.agent import AgentInstalled, AgentPurged, AgentRemoved
from meshclaw.flow.event.approval import (
    ApprovalAnswered,
    ApprovalAsked,
    ApprovalPlanted,
    ApprovalSeconded,
)
from meshclaw.flow.event.guard import (
    AutonomyChanged,
    ClawStopped,
    ClockStepped,
    CompanyPolicyTaken,
    ConnectorReviewed,
    StopLifted,
)
from meshclaw.flow.event.mail import OutcomeObserved, PlacementMade
from meshclaw.flow.event.memory import (
    DreamBegan,
    DreamEnded,
    MemoryForgotten,
    MemoryRecalled,
    MemoryRevised,
    MemoryVetoed,
)
from meshclaw.flow.event.model import (
    AnswerGiven,
    AnswersTold,
    ModelAnswered,
    ModelAsked,
    ModelFailed,
    RunStuck,
    StepTaken,
)
from meshclaw.flow.event.run import (
    PlanFrozen,
    RunCancelled,
    RunFailed,
    RunFinished,
    RunFrozen,
    RunResumed,
    RunStarted,
)
from meshclaw.flow.event.sandbox import EgressPassed, EgressRefused, SandboxEnded
from meshclaw.flow.event.schedule import (
    JobEnded,
    ScheduleDisabled,
    ScheduleEnabled,
    ScheduleFired,
    ScheduleMissed,
    StandingChanged,
    StandingMatched,
    StandingStarted,
    WatchChanged,
    WatchFailed,
    WatchFired,
)
from meshclaw.flow.event.usage import UsageImported

AnyEvent = (
    RunStarted
    | RunResumed
    | PlanFrozen
    | RunFrozen
    | RunFinished
    | RunFailed
    | RunCancelled
    | PlacementMade
    | ActionDecided
    | ActionPerformed
    | ActionFailed
    | ActionUnknown
    | ApprovalAsked
    | ApprovalAnswered
    | ApprovalSeconded
    | ApprovalPlanted
    | OutcomeObserved
    | AutonomyChanged
    | ClawStopped
    | StopLifted
    | ClockStepped
    | CompanyPolicyTaken
    | ConnectorReviewed
    | SandboxEnded
    | EgressRefused
    | EgressPassed
    | AgentInstalled
    | AgentRemoved
    | AgentPurged
    | UsageImported
    | ModelAsked
    | ModelAnswered
    | ModelFailed
    | StepTaken
    | AnswersTold
    | RunStuck
    | AnswerGiven
    | MemoryRevised
    | MemoryVetoed
    | MemoryForgotten
    | MemoryRecalled
    | DreamBegan
    | DreamEnded
    | ScheduleEnabled
    | ScheduleDisabled
    | ScheduleFired
    | ScheduleMissed
    | JobEnded
    | WatchChanged
    | WatchFired
    | WatchFailed
    | StandingChanged
    | StandingMatched
    | StandingStarted
)

decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
