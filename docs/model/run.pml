/* SPDX-License-Identifier: Apache-2.0
 *
 * One run, the storage, two server processes that share it, and their callers. README.md maps the names to the code's,
 * and says what is left out. ./check builds and checks all configurations and mutants; both are chosen by macros.
 *
 * Every option of every process makes progress, so that the model ends: when nothing can happen any more, `Monitor` checks
 * what has to hold at the end. All other properties are checked where they could be violated.
 */

/* ---- Properties. A violated one is found by its number in the message of the verifier. ---- */

#define P_SINGLE_WRITER 11  /* A commit is accepted only from the last process that created or claimed the run. */
#define P_GAPLESS       12  /* Each event is stored at its own index, once, in order. */
#define P_TERMINAL      13  /* Nothing is stored after the last event, and a run ends once. */
#define P_HISTORY       14  /* The history has the run's block once if the run was completed, otherwise not. */
#define P_NO_DAMAGE     15  /* The owner of a run never finds another number of events than it has written. */
#define P_CREATE_KEPT   16  /* A run whose creation was acknowledged is stored. */
#define P_CANCEL_KEPT   17  /* A run whose cancellation was acknowledged ends as cancelled. */
#define P_ANSWER_KEPT   18  /* An acknowledged answer continues the run, unless it is cancelled, or fails with its process. */
#define P_ANSWER_ONCE   19  /* One answer to a question is acknowledged, and it is the one that the handler gets each time. */
#define P_REPLAY        20  /* A handler that does the same as before is never found to do something else. */
#define P_LIVE_OWNER    21  /* No run is taken from a process that has had its lease all the time. */
#define P_NOT_FAILED    22  /* A run fails for the loss of its process only if a process crashed or lost its lease. */
#define P_ENDS          23  /* Every stored run ends. Callers answer until one answer is stored. */
#define P_AGREED        24  /* The owner reports the end that is stored. */
#define P_DELETED       25  /* A run that was deleted does not come back. */

#ifdef ONLY                 /* The property that a mutant has to violate: others do not end the search. */
#define CHECK(property, condition) assert((condition) || (property != ONLY))
#else
#define CHECK(property, condition) assert((condition) || (property == 0))
#endif

/* ---- Bounds of a configuration ---- */

#ifndef CRASHES
#define CRASHES 0
#endif
#ifndef PAUSES
#define PAUSES 0
#endif
#ifndef LOSSES              /* Requests to the storage that fail, or whose reply is lost. */
#define LOSSES 0
#endif
#ifndef CANCELS
#define CANCELS 0
#endif
#ifndef ANSWERS             /* Callers that answer the question. The handler asks one if there are any, or with ASKS. */
#define ANSWERS 0
#endif
#ifndef DEADLINES
#define DEADLINES 0
#endif
#ifndef CREATORS            /* Requests that create the run with one idempotency key, each to another process. */
#define CREATORS 1
#endif
#ifndef SHUTDOWNS           /* The first process shuts down. */
#define SHUTDOWNS 0
#endif
#ifndef LEAVES              /* How often a run leaves memory that awaits an answer. */
#define LEAVES 0
#endif
#ifdef RELEASED_UNSEEN
#define LEAVE_FAILS
#endif
#ifndef DELETES             /* A caller deletes the run when it has ended. */
#define DELETES 0
#endif

#ifndef PROCESSES
#define PROCESSES 2
#endif
#define RELEASED  PROCESSES /* ProcessID.released */
#define NOBODY    (PROCESSES + 1)

/* ---- The script of the handler: the kind of an event follows from its index ---- */

#if ANSWERS > 0 || defined(ASKS)
#define QUESTION 3          /* Created, started, asked: the number of events that identifies the question. */
#define LAST     5          /* Answered, and a part that quotes the answer. */
#else
#define QUESTION 99
#define LAST     3          /* Created, started, one part. */
#endif

/* How a run ends. */
#define COMPLETED   1
#define CANCELLED   2
#define FAILED_LOST 3       /* ACPError.ownerLost */
#define FAILED_SHUT 4       /* The process shut down. */
#define FAILED_TIME 5       /* ACPError.unansweredQuestion */
#define FAILED_REPLAY 6     /* Replay.failure */

/* ---- The storage ---- */

byte events;                /* Events of the run. */
byte ending;                /* The outcome in the last event, 0 before that. */
byte echo;                  /* The answer that a stored part quotes. */
bool answered;              /* The event that follows the question is stored. */
bool cancelling;            /* The snapshot has the status cancelling. */
byte ownerToken;            /* RunOwner.token, 0 if there is no run. */
byte ownerProcess = NOBODY; /* RunOwner.process */
byte history;               /* Blocks in the history of the session that belong to the run. */
bool cancelSignal;          /* RunSignal.cancel */
byte answerSignal;          /* RunSignal.resume(_, eventCount: QUESTION): the first answer. */
bool deleted;               /* The run was deleted for good, which is not forgotten. */
bool isListed[PROCESSES + 1];         /* The process is in the set of processes. */
bool isAlive[PROCESSES + 1];         /* Its heartbeat has not expired. */

/* ---- A process ---- */

#define UP     0
#define PAUSED 1
#define DOWN   2

/* RunStateMachine.State */
#define NONE       0        /* The process does not execute the run. */
#define CREATING   1
#define QUEUED     2
#define RUNNING    3
#define AWAITING   4
#define CANCELLING 5
#define ENDING     6
#define ABANDONED  7        /* Only until the commit in flight has returned. */
#define LEAVING    8        /* Its handler is being stopped. */

/* RunStateMachine.Writer */
#define IDLE    0
#define SENT    1           /* The storage has not performed the step yet. */
#define REPLIED 2
#define ASKED   3           /* Only with SPLIT_HISTORY: the storage is asked whether it would accept the commit... */
#define APPENDS 4           /* ...and it would. */
#define READS   5           /* The signals are read for an overdue question. */

/* CommitOutcome, and no reply. */
#define APPLIED   1
#define REPEATED  2
#define FENCED    3
#define CONFLICT  4
#define MISSING   5
#define REFUSED   6         /* cancelled: there is a cancel signal. */
#define ANSWERED  7         /* There is an answer to the question that the run would fail for. */
#define UNKNOWN   8

/* RunEngine+Recovery */
#define REST     0
#define CLAIM    1          /* An orphaned run was found, with its owner. */
#define CLAIMED  2
#define DECIDE   3          /* Run and signals were read. */
#define FORGET   4          /* The lost process owned no run. */

/* RunEngine.processSignals */
#define HEARD     1         /* The run is executed here: its signals are to be read. */
#define APPLY     2
#define HEARD_DORMANT 3
#define RESUME    4

typedef Process {
    byte mode;
    bool closing;           /* isShuttingDown */
    byte state;
    byte token;             /* RunExecution.owner */
    byte count;             /* RunLog.eventCount */
    byte committed;         /* RunLog.committed */
    byte outcome;
    bool composed;          /* The last event is composed. */
    bool snapshot;          /* A snapshot without an event is requested. */
    bool showsCancel;       /* The snapshot in flight has the status cancelling. */
    bool doomed;            /* Creation.outcome: cancelled while it was being created. */
    byte answer;            /* The answer that the handler has. */
    bool overdue;
    bool due;               /* Leaving.isAnswered */
    byte writer;
    byte batch;             /* Events of the commit in flight. */
    byte result;
    byte dormant;           /* The token of the dormant run, 0 if there is none. */
    byte claiming;          /* 1: being claimed or continued, 2: a signal was announced meanwhile. */
    bool announced;         /* An announcement, or a gap, has to be processed. */
    byte hearing;
    byte hearingToken;      /* The execution that the signals are for. */
    bool heardCancel;
    byte heardAnswer;
    bool orphan;
    bool review;            /* needsReview */
    byte recovery;
    byte expected;          /* The owner that the claim expects. */
    byte newToken;
    byte lost;              /* The process that is looked at. */
    bool foundCancel;
    byte foundAnswer;
    byte foundCount;
    byte foundEnding;
}

Process p[PROCESSES];

/* ---- What only the checks know ---- */

byte tokens = 0;            /* The last token that was given out. No configuration needs more than 15. */
byte lastClaim;             /* The token that was the last to own the run. */
bool leaseBroken;           /* The owner's lease has expired since it became the owner. */
bool hasFaults;             /* A process crashed, or its lease expired. */
bool createdAcknowledged, cancelAcknowledged;
byte answerAcknowledged;
bool creations[PROCESSES] = true; /* Requests that have not arrived. */
byte crashes = CRASHES, pauses = PAUSES, losses = LOSSES, deadlines = DEADLINES, leaves = LEAVES;

#define isExecuted(i) (p[i].state != NONE && p[i].state != ABANDONED)
#define expire(j) isAlive[j] = false; hasFaults = true; leaseBroken = leaseBroken || ownerProcess == j
#define isKnown(i)    (isExecuted(i) || p[i].dormant != 0)
#define isUp(i)       (p[i].mode == UP)
#define isOver        (ending != 0)
#define awaits        (events == QUESTION && !isOver)

/* ---- What a process has in memory: clearing it ---- */

inline clearExecution(i) {
    p[i].token = 0; p[i].count = 0; p[i].committed = 0; p[i].outcome = 0; p[i].composed = false; p[i].snapshot = false;
    p[i].showsCancel = false; p[i].doomed = false; p[i].answer = 0; p[i].overdue = false;
    p[i].due = false; p[i].writer = IDLE; p[i].batch = 0; p[i].result = 0; p[i].state = NONE
}

inline clearRecovery(i) {
    p[i].recovery = REST; p[i].expected = 0; p[i].newToken = 0; p[i].lost = 0;
    p[i].foundCancel = false; p[i].foundAnswer = 0; p[i].foundCount = 0; p[i].foundEnding = 0
}

inline clearHearing(i) {
    p[i].hearing = REST; p[i].hearingToken = 0; p[i].heardCancel = false; p[i].heardAnswer = 0
}

inline stop(i) {
    clearExecution(i); clearRecovery(i); clearHearing(i);
    p[i].dormant = 0; p[i].claiming = 0; p[i].announced = false; p[i].orphan = false; p[i].review = false;
    p[i].closing = false; p[i].mode = DOWN
}

/* End of clearing. */

/* The execution is removed. Its commit in flight may still reach the storage. */
inline abandon(i) {
    if
    :: p[i].writer == SENT || p[i].writer == APPENDS -> p[i].state = ABANDONED
    :: else -> clearExecution(i)
    fi
}

/* ---- What happens to a request to the storage ---- */

#define FINE   0
#define MUTE   1            /* It is performed, but its reply is lost. */
#define UNSENT 2            /* It is not performed. The sender cannot distinguish that from a lost reply. */

inline request(fate) {
    if
    :: fate = FINE
    :: losses > 0 -> losses--; fate = MUTE
    :: losses > 0 -> losses--; fate = UNSENT
    fi
}

/* ---- Commit: RunCommit.outcome(for:isCancelled:) and RedisScripts.commit ---- */

#define isEnd(i)        (p[i].composed)
#define refusesCancel(i) (isEnd(i) && p[i].outcome != CANCELLED)
#ifdef NO_FENCE
#define isFenced(i)     false
#else
#ifdef TOKEN_REUSED
#define isFenced(i)     (ownerProcess != i)
#else
#define isFenced(i)     (ownerToken != p[i].token)
#endif
#endif
#ifdef CANCEL_CHECKED_EARLY
#define isCancelRefused(i) (refusesCancel(i) && p[i].heardCancel)
#else
#define isCancelRefused(i) (refusesCancel(i) && cancelSignal)
#endif
#ifdef DEADLINE_UNFENCED
#define isAnswerRefused(i) false
#else
#define isAnswerRefused(i) (isEnd(i) && p[i].outcome == FAILED_TIME && answerSignal != 0)
#endif

inline evaluate(i, verdict) {
    if
#ifdef DELETION_FORGOTTEN
    :: events == 0 && p[i].committed == 0 -> verdict = APPLIED
#else
    :: events == 0 && p[i].committed == 0 && !deleted -> verdict = APPLIED
    :: events == 0 && p[i].committed == 0 && deleted -> verdict = MISSING
#endif
    :: events == 0 && p[i].committed > 0 -> verdict = MISSING
    :: events > 0 && isFenced(i) -> verdict = FENCED
    :: events > 0 && !isFenced(i) ->
        if
#ifdef CANCEL_BEFORE_REPETITION
        :: isCancelRefused(i) -> verdict = REFUSED
        :: else ->
            if
#endif
#ifdef NO_COUNT_CHECK
            :: false -> skip
#else
            :: events == p[i].committed + p[i].batch && p[i].batch > 0 -> verdict = REPEATED
#endif
            :: else ->
                if
#ifndef NO_COUNT_CHECK
                :: events != p[i].committed -> verdict = CONFLICT
#endif
                :: else ->
                    if
#ifndef CANCEL_NOT_CHECKED
                    :: isCancelRefused(i) -> verdict = REFUSED
#endif
                    :: !isCancelRefused(i) && isAnswerRefused(i) -> verdict = ANSWERED
                    :: else -> verdict = APPLIED
                    fi
                fi
            fi
#ifdef CANCEL_BEFORE_REPETITION
        fi
#endif
    fi
}

/* The number of events after the commit, without the last event of the run. */
#define reaches(i) (p[i].committed + p[i].batch - isEnd(i))

/* Appends the events of the commit. */
inline append(i) {
    if
    :: events == 0 ->
        ownerToken = p[i].token; ownerProcess = i; lastClaim = p[i].token; leaseBroken = !isAlive[i]
    :: else -> skip
    fi;
    CHECK(P_SINGLE_WRITER, p[i].token == lastClaim);
    CHECK(P_TERMINAL, !isOver);
    CHECK(P_DELETED, !deleted);
    /* The events were composed for these indexes. */
    CHECK(P_GAPLESS, events == p[i].committed);
    if
    :: reaches(i) > QUESTION && !answered ->
        answered = true;
        CHECK(P_ANSWER_ONCE, p[i].answer != 0 && p[i].answer == answerSignal)
    :: else -> skip
    fi;
    if
    :: reaches(i) > QUESTION + 1 && echo == 0 ->
        echo = p[i].answer;
        CHECK(P_ANSWER_ONCE, echo == answerSignal)
    :: else -> skip
    fi;
    events = p[i].committed + p[i].batch;
    if
    :: isEnd(i) ->
        ending = p[i].outcome;
#if !defined(SPLIT_HISTORY) && !defined(HISTORY_AFTER_END)
        if
        :: ending == COMPLETED -> history = history + 1
        :: else -> skip
        fi;
        CHECK(P_HISTORY, history == (ending == COMPLETED));
#endif
        CHECK(P_REPLAY, ending != FAILED_REPLAY);
        CHECK(P_NOT_FAILED, ending != FAILED_LOST || hasFaults);
        CHECK(P_CANCEL_KEPT, !cancelAcknowledged || ending == CANCELLED)
    :: p[i].showsCancel && !isEnd(i) -> cancelling = true
    :: else -> skip
    fi
}

inline perform(i) {
#ifdef HISTORY_BEFORE_FENCE
    if
    :: isEnd(i) && p[i].outcome == COMPLETED && history == 0 -> history = 1
    :: else -> skip
    fi;
#endif
    evaluate(i, p[i].result);
    if
    :: p[i].result == APPLIED -> append(i)
    :: else -> skip
    fi
}

/* ---- What others do to an execution: RunStateMachine+Control ---- */

inline machineCancel(i) {
    if
    :: p[i].state == CREATING -> p[i].doomed = true
    :: p[i].state == QUEUED -> p[i].state = ENDING; p[i].outcome = CANCELLED
    :: p[i].state == RUNNING || p[i].state == AWAITING || p[i].state == LEAVING ->
        p[i].state = CANCELLING; p[i].snapshot = true; p[i].due = false
    :: else -> skip
    fi
}

inline machineAnswer(i, text) {
    if
    :: p[i].state == AWAITING -> p[i].answer = text; p[i].count = QUESTION + 1; p[i].state = RUNNING; p[i].overdue = false
#ifndef ANSWER_NOT_NOTED
    /* It is in storage, and is read from there. */
    :: p[i].state == LEAVING -> p[i].due = true
#endif
    :: else -> skip
    fi
}

/* ---- Signals: Coordination.send ---- */

inline announce() {
    if
    :: ownerProcess < PROCESSES && p[ownerProcess].mode != DOWN ->
#ifdef GAP_IGNORED
        if
        :: p[ownerProcess].announced = true
        :: losses > 0 -> losses--
        fi
#else
        p[ownerProcess].announced = true
#endif
    :: else -> skip
    fi
}

/* ---- Recovery ---- */

#ifdef FORGOTTEN_EARLY
#define mayForget(j) (!isAlive[j])
#else
/* A process is forgotten only when it cannot come back; `released` never is. */
#define mayForget(j) (!isAlive[j] && j < PROCESSES && p[j % PROCESSES].mode == DOWN)
#endif

#define owns(j) (events > 0 && ownerProcess == j && !isOver)

/* Coordination.lostProcesses, as far as there is something to do. */
#ifdef LEASE_NOT_CHECKED
#define isLost(i, j) (j != i && isListed[j] && (owns(j) || mayForget(j)))
#else
#define isLost(i, j) (j != i && isListed[j] && !isAlive[j] && (owns(j) || mayForget(j)))
#endif

#define isAnyLost(i) (isLost(i, 0) || isLost(i, 1) || isLost(i, 2) || PROCESSES > 2 && isLost(i, PROCESSES))

/* The signals that were announced in the meantime are processed now. */
inline deferred(i) {
    if
    :: p[i].claiming == 2 -> p[i].announced = true
    :: else -> skip
    fi;
    p[i].claiming = 0
}

inline claim(by, fresh, receiver, from) {
    if
#ifdef CLAIM_UNCONDITIONAL
    :: events > 0 ->
#else
    :: events > 0 && ownerToken == from ->
#endif
        CHECK(P_LIVE_OWNER, leaseBroken || ownerProcess == RELEASED || ownerProcess == by);
        ownerToken = fresh; ownerProcess = receiver; lastClaim = fresh;
        leaseBroken = receiver < PROCESSES && !isAlive[receiver]
    :: else -> skip
    fi
}

/* Registers an execution of the run that was claimed, unless the run is executed here. */
inline continueRun(i) {
    if
    :: isExecuted(i) -> skip
    :: else ->
        p[i].token = p[i].newToken; p[i].count = p[i].foundCount; p[i].committed = p[i].foundCount;
#ifndef ANSWERS_NOT_REPLAYED
        p[i].answer = p[i].foundAnswer;
#endif
        if
        :: p[i].foundCancel -> p[i].state = ENDING; p[i].outcome = CANCELLED
        :: !p[i].foundCancel && p[i].foundCount == 1 -> p[i].state = QUEUED
#ifdef FAILS
        :: !p[i].foundCancel && p[i].foundCount > 1 && p[i].foundCount != QUESTION ->
            p[i].state = ENDING; p[i].outcome = FAILED_LOST
#endif
        /* Replay: the handler runs from its start, and its output is compared with the log. */
        :: !p[i].foundCancel && p[i].foundCount > QUESTION && (p[i].answer == 0 || echo != 0 && echo != p[i].answer) ->
            p[i].state = ENDING; p[i].outcome = FAILED_REPLAY
        :: !p[i].foundCancel && p[i].foundCount == QUESTION ->
            p[i].state = AWAITING; machineAnswer(i, p[i].answer)
        :: else -> p[i].state = RUNNING
        fi
    fi
}

/* ---- A process: its engine, and its execution of the run ---- */

proctype Server(byte i) {
    byte luck;
    do
    /* The heartbeat: RunEngine.renewLease. A process that was paused finds that its lease had expired. */
    :: atomic { isUp(i) && !isAlive[i] ->
        isAlive[i] = true; isListed[i] = true; p[i].review = true }

    /* RunEngine.createRun: the lease is checked before the first commit, not with it. */
    :: atomic { isUp(i) && isAlive[i] && !p[i].closing && i < CREATORS && creations[i] && !isKnown(i) && p[i].state == NONE ->
        creations[i] = false; tokens = tokens % 15 + 1;
        p[i].state = CREATING; p[i].token = tokens;
#ifdef QUEUES
        p[i].count = 1
#else
        p[i].count = 2
#endif
#ifdef ACKNOWLEDGED_UNSTORED
        ; createdAcknowledged = true
#endif
      }

    /* The handler. It is at most two events ahead of the storage. */
    :: atomic { isUp(i) && p[i].state == QUEUED && !p[i].closing -> p[i].count = 2; p[i].state = RUNNING }
    :: atomic { isUp(i) && p[i].state == RUNNING && p[i].count < LAST && p[i].count < p[i].committed + 2 ->
        p[i].count++;
        if
        :: p[i].count == QUESTION -> p[i].state = AWAITING
        :: else -> skip
        fi }
    :: atomic { isUp(i) && p[i].state == RUNNING && p[i].count == LAST -> p[i].state = ENDING; p[i].outcome = COMPLETED }
    :: atomic { isUp(i) && p[i].state == CANCELLING -> p[i].state = ENDING; p[i].outcome = CANCELLED }

#if LEAVES > 0
    /* RunEngine.leaveMemory. The handler is stopped first. */
    :: atomic { isUp(i) && leaves > 0 && isAlive[i] && !p[i].closing && p[i].state == AWAITING && !p[i].overdue &&
#ifndef LEAVES_UNSTORED
                p[i].count == p[i].committed && !p[i].snapshot && p[i].writer == IDLE &&
#endif
                true -> leaves--; p[i].state = LEAVING }
    :: atomic { isUp(i) && p[i].state == LEAVING ->
        p[i].dormant = p[i].token; p[i].announced = p[i].announced || p[i].due; clearExecution(i) }
#endif

    /* A deadline has passed: the answer may have been stored before. */
    :: atomic { isUp(i) && p[i].state == AWAITING && deadlines > 0 -> deadlines--; p[i].overdue = true }
    :: atomic { isUp(i) && p[i].overdue && p[i].state == AWAITING && p[i].writer == IDLE && p[i].count == p[i].committed ->
        p[i].overdue = false;
        if
        :: cancelSignal -> machineCancel(i)
        :: !cancelSignal && answerSignal != 0 -> machineAnswer(i, answerSignal)
        :: else -> p[i].state = ENDING; p[i].outcome = FAILED_TIME
        fi }

    /* The writer takes a step: RunStateMachine.nextStep. */
    :: atomic { isUp(i) && p[i].writer == IDLE && isExecuted(i) &&
                (p[i].count > p[i].committed || p[i].snapshot || p[i].state == ENDING) ->
        if
        :: p[i].state == ENDING && !p[i].composed -> p[i].count++; p[i].composed = true
        :: else -> skip
        fi;
        p[i].batch = p[i].count - p[i].committed; p[i].snapshot = false; p[i].showsCancel = p[i].state == CANCELLING;
#ifdef SPLIT_HISTORY
        if
        :: isEnd(i) && p[i].outcome == COMPLETED -> p[i].writer = ASKED
        :: else -> p[i].writer = SENT
        fi
#else
        p[i].writer = SENT
#endif
      }
    :: atomic { isUp(i) && p[i].writer == ASKED ->
        evaluate(i, p[i].result);
        if
        :: p[i].result == APPLIED || p[i].result == REPEATED -> p[i].result = 0; p[i].writer = APPENDS
        :: else -> p[i].writer = REPLIED
        fi }
    :: atomic { isUp(i) && p[i].writer == APPENDS -> history = 1; p[i].writer = SENT }
    :: atomic { isUp(i) && p[i].writer == SENT ->
        request(luck);
        if
        :: luck != UNSENT -> perform(i)
        :: else -> skip
        fi;
        if
        :: luck != FINE -> p[i].result = UNKNOWN
        :: else -> skip
        fi;
        luck = FINE; p[i].writer = REPLIED;
        if
        :: p[i].state == ABANDONED -> clearExecution(i)
        :: else -> skip
        fi }
    :: atomic { isUp(i) && p[i].writer == REPLIED ->
        p[i].writer = IDLE;
        if
        :: p[i].result == UNKNOWN ->
#ifdef ASSUMED_STORED
            p[i].committed = p[i].committed + p[i].batch; p[i].result = 0
#else
            p[i].result = 0; p[i].writer = SENT
#endif
        :: p[i].result == APPLIED || p[i].result == REPEATED ->
            p[i].committed = p[i].committed + p[i].batch; p[i].batch = 0; p[i].result = 0;
            if
            :: p[i].composed ->
                CHECK(P_AGREED, p[i].outcome == ending || deleted);
#ifdef HISTORY_AFTER_END
                if
                :: p[i].outcome == COMPLETED -> history = history + 1
                :: else -> skip
                fi;
#endif
                clearExecution(i)
            :: !p[i].composed && p[i].state == CREATING ->
                createdAcknowledged = true;
                if
                :: p[i].doomed -> p[i].state = ENDING; p[i].outcome = CANCELLED
                :: !p[i].doomed && p[i].count == 1 -> p[i].state = QUEUED
                :: else -> p[i].state = RUNNING
                fi
            :: else -> skip
            fi
        :: p[i].result == FENCED && p[i].state == CREATING ->
            /* The run of an earlier request with the key, or one that was taken over while its creation was in doubt. */
            createdAcknowledged = createdAcknowledged || CREATORS > 1; p[i].orphan = true; clearExecution(i)
        :: p[i].result == FENCED && p[i].state != CREATING -> p[i].orphan = true; clearExecution(i)
        :: p[i].result == REFUSED ->
            p[i].count--; p[i].composed = false; p[i].outcome = CANCELLED; p[i].batch = 0; p[i].result = 0
        :: p[i].result == ANSWERED ->
            p[i].count--; p[i].composed = false; p[i].outcome = 0; p[i].batch = 0; p[i].result = 0;
            p[i].state = AWAITING; machineAnswer(i, answerSignal)
        :: p[i].result == CONFLICT || p[i].result == MISSING -> CHECK(P_NO_DAMAGE, deleted); clearExecution(i)
        fi }

    /* Announcements: RunEngine.processSignals. */
    :: atomic { isUp(i) && p[i].announced && p[i].hearing == REST ->
        p[i].announced = false;
        if
        :: isExecuted(i) -> p[i].hearing = HEARD; p[i].hearingToken = p[i].token
        :: !isExecuted(i) && p[i].claiming != 0 ->
#ifndef NOT_DEFERRED
            p[i].claiming = 2
#else
            skip
#endif
        :: !isExecuted(i) && p[i].claiming == 0 && p[i].dormant != 0 -> p[i].hearing = HEARD_DORMANT
        :: else -> skip
        fi }
    :: atomic { isUp(i) && p[i].hearing == HEARD ->
        p[i].heardCancel = cancelSignal; p[i].heardAnswer = answerSignal; p[i].hearing = APPLY }
    :: atomic { isUp(i) && p[i].hearing == APPLY ->
        if
        :: isExecuted(i) && p[i].token == p[i].hearingToken ->
            if
            :: p[i].heardCancel -> machineCancel(i)
            :: else -> skip
            fi;
            if
            :: p[i].heardAnswer != 0 && p[i].count == QUESTION -> machineAnswer(i, p[i].heardAnswer)
            :: else -> skip
            fi
#ifndef NOT_REDIRECTED
        /* RunEngine.redirectSignals: the execution has left memory just before. */
        :: !isExecuted(i) && p[i].dormant == p[i].hearingToken -> p[i].announced = true
#endif
        :: else -> skip
        fi;
        clearHearing(i) }
    :: atomic { isUp(i) && p[i].hearing == HEARD_DORMANT ->
        if
        :: cancelSignal || answerSignal != 0 -> p[i].hearing = RESUME
        :: else -> clearHearing(i)
        fi }
    /* RunEngine.withDormantRun. One run is not continued and claimed at the same time. */
    :: atomic { isUp(i) && p[i].hearing == RESUME && p[i].recovery == REST ->
        if
        :: p[i].dormant != 0 && ownerToken == p[i].dormant ->
            p[i].newToken = p[i].dormant; p[i].claiming = 1; p[i].recovery = CLAIMED
        :: else -> skip
        fi;
        p[i].dormant = 0; clearHearing(i) }

    /* RunEngine.recover, in its order: review, orphans, lost processes. */
    :: atomic { isUp(i) && p[i].review && p[i].recovery == REST && !p[i].closing && p[i].hearing != RESUME ->
        p[i].review = false;
#ifndef NOT_REVIEWED
        if
        :: isExecuted(i) && p[i].state != CREATING && ownerToken != p[i].token && ownerToken != 0 ->
            p[i].orphan = true; abandon(i)
        :: else -> skip
        fi;
        if
        :: p[i].dormant != 0 && ownerToken != p[i].dormant -> p[i].dormant = 0
        :: else -> skip
        fi;
        if
        :: ownerProcess == i && !isOver && !isKnown(i) ->
            p[i].expected = ownerToken; p[i].lost = i; p[i].claiming = 1; p[i].recovery = CLAIM
        :: else -> skip
        fi
#endif
      }
    :: atomic { isUp(i) && p[i].orphan && !p[i].review && p[i].recovery == REST && !p[i].closing ->
        p[i].orphan = false;
        if
        :: !isKnown(i) && ownerProcess == i && !isOver ->
            p[i].expected = ownerToken; p[i].lost = i; p[i].claiming = 1; p[i].recovery = CLAIM
        :: else -> skip
        fi }
    :: atomic { isUp(i) && p[i].recovery == REST && !p[i].closing && isAnyLost(i) ->
        if
        :: isLost(i, 0) -> p[i].lost = 0
        :: isLost(i, 1) -> p[i].lost = 1
        :: isLost(i, 2) -> p[i].lost = 2
        :: PROCESSES > 2 && isLost(i, PROCESSES) -> p[i].lost = PROCESSES
        fi;
        if
        :: owns(p[i].lost) ->
            p[i].expected = ownerToken; p[i].claiming = 1; p[i].recovery = CLAIM;
#ifdef SIGNALS_READ_EARLY
            p[i].foundCancel = cancelSignal; p[i].foundAnswer = answerSignal;
#endif
#ifdef DECIDED_EARLY
            p[i].foundCount = events; p[i].foundEnding = ending;
#endif
        :: else -> p[i].recovery = FORGET
        fi }
    :: atomic { isUp(i) && p[i].recovery == FORGET ->
        if
        :: mayForget(p[i].lost) -> isListed[p[i].lost] = false
        :: else -> skip
        fi;
        clearRecovery(i) }

    /* Storage.claim: a compare-and-set of the owner. */
    :: atomic { isUp(i) && p[i].recovery == CLAIM ->
        request(luck);
        if
        :: luck != UNSENT -> tokens = tokens % 15 + 1; p[i].newToken = tokens; claim(i, tokens, i, p[i].expected)
        :: else -> skip
        fi;
        if
        :: luck != FINE ->
            /* It may have succeeded: the run is reviewed. Signals that were deferred are read then. */
            p[i].claiming = 0; clearRecovery(i); p[i].review = true
        :: luck == FINE && ownerToken == p[i].newToken -> p[i].recovery = CLAIMED
        :: else -> deferred(i); clearRecovery(i)
        fi;
        luck = FINE }
    /* RunEngine.continueRun: run and signals are read after the claim. */
    :: atomic { isUp(i) && p[i].recovery == CLAIMED ->
#ifndef STALE_EXECUTION
        /* An execution that has not noticed that another process owned the run meanwhile makes room. */
        if
        :: isExecuted(i) -> abandon(i)
        :: else -> skip
        fi;
#endif
#ifndef SIGNALS_READ_EARLY
        p[i].foundCancel = cancelSignal; p[i].foundAnswer = answerSignal;
#endif
#ifndef DECIDED_EARLY
        p[i].foundCount = events; p[i].foundEnding = ending;
#endif
#ifdef CANCEL_FORGOTTEN
        p[i].foundCancel = false;
#endif
        p[i].foundCancel = p[i].foundCancel || cancelling;
        p[i].recovery = DECIDE }
    :: atomic { isUp(i) && p[i].recovery == DECIDE && p[i].state != ABANDONED ->
        if
        :: p[i].foundEnding != 0 || p[i].foundCount == 0 -> skip
        :: else ->
            if
            :: !p[i].foundCancel && p[i].foundCount == QUESTION && p[i].foundAnswer == 0 ->
                p[i].dormant = p[i].newToken
            :: else -> continueRun(i)
            fi
        fi;
        deferred(i); clearRecovery(i) }
    od
}

/* ---- RunEngine.shutdown of the first process ---- */

#if SHUTDOWNS > 0
#define isIdle(i)  ((p[i].state == QUEUED || p[i].state == AWAITING) && p[i].count == p[i].committed && p[i].writer == IDLE)
#define isActive(i) (p[i].state == RUNNING || p[i].state == CANCELLING)

proctype Shutdown(byte i) {
    byte given = 0;
    byte luck;
    bool left = false;
    atomic { isUp(i) -> p[i].closing = true };
    do
    :: p[i].mode == DOWN -> break
    /* handOver: abandoned before it is released. */
    :: atomic { isUp(i) && !left && given == 0 && isIdle(i) -> given = p[i].token;
#ifndef RELEASED_FIRST
        abandon(i)
#endif
      }
    :: atomic { isUp(i) && !left && given == 0 && p[i].dormant != 0 -> given = p[i].dormant; p[i].dormant = 0 }
    :: atomic { isUp(i) && !left && given != 0 && given != 255 ->
        request(luck);
        if
        :: luck != UNSENT -> tokens = tokens % 15 + 1; claim(i, tokens, RELEASED, given)
        :: else -> skip
        fi;
        luck = FINE;
#ifdef RELEASED_FIRST
        if
        :: isExecuted(i) && p[i].token == given -> abandon(i)
        :: else -> skip
        fi;
#endif
        given = 255 }
    /* announceReleased. Its failure is ignored. */
    :: atomic { isUp(i) && !left && given == 255 ->
        given = 0;
        if
        :: isListed[RELEASED] = true
#ifdef LEAVE_FAILS
        :: losses > 0 -> losses--
#endif
        fi }
    /* The grace period is over: endRemainingRuns. */
#ifdef FAILS
    :: atomic { isUp(i) && !left && given == 0 && isActive(i) ->
        p[i].state = ENDING; p[i].outcome = FAILED_SHUT }
#else
    :: atomic { isUp(i) && !left && given == 0 && isActive(i) ->
        tokens = tokens % 15 + 1; claim(i, tokens, RELEASED, p[i].token); left = true }
    :: atomic { isUp(i) && left -> left = false; abandon(i); given = 255 }
#endif
    /* leave, and the end of the process. */
    :: atomic { isUp(i) && !left && given == 0 && p[i].state == NONE && p[i].dormant == 0 ->
        isAlive[i] = false; leaseBroken = leaseBroken || ownerProcess == i; stop(i); break }
    od;
}
#endif

/* ---- Callers ---- */

inline select_process(i) {
    if
    :: i = 0
    :: i = 1
    fi
}

#if CANCELS > 0
/* RunEngine.cancel, in a process that the request reaches. */
proctype Canceller() {
    byte i, state, luck;
    bool isLocal = false;
    atomic { events > 0 || p[0].state == CREATING -> select_process(i) };
#ifdef ACKNOWLEDGED_UNSENT
    cancelAcknowledged = true;
#endif
    do
    :: p[i].mode == DOWN -> break
    :: atomic { isUp(i) && state == 0 ->
        if
        :: isExecuted(i) && p[i].state != ENDING -> machineCancel(i); isLocal = true; state = 2
        :: isExecuted(i) && p[i].state == ENDING -> state = 1
        :: else -> state = 1
        fi }
    /* Not executed here, or ending here. */
    :: atomic { isUp(i) && state == 1 && !isExecuted(i) ->
        if
        :: isOver || events == 0 -> break
        :: else -> state = 2
        fi }
    :: atomic { isUp(i) && state == 2 ->
        request(luck);
        if
        :: luck != UNSENT -> cancelSignal = true; announce()
        :: else -> skip
        fi;
        if
#ifdef CANCEL_UNSENT
        :: isLocal -> cancelAcknowledged = true; break
#endif
        :: luck != FINE -> break
        :: else -> skip
        fi;
#ifdef CANCEL_UNREAD
        if
        :: isLocal -> CHECK(P_CANCEL_KEPT, !isOver || ending == CANCELLED); cancelAcknowledged = true; break
        :: else -> skip
        fi;
#endif
        if
        :: !isExecuted(i) && p[i].dormant != 0 -> p[i].announced = true
        :: else -> skip
        fi;
        state = 3 }
    /* The run is read again: it may have ended before the signal was stored. */
    :: atomic { isUp(i) && state == 3 ->
        if
        :: isOver && ending != CANCELLED || events == 0 -> break
        :: else -> cancelAcknowledged = true; break
        fi }
    od
}
#endif

#if ANSWERS > 0
#define canAnswer(j) (isUp(j) && (!isExecuted(j) || p[j].state == LEAVING || \
                                  p[j].state == AWAITING && p[j].committed == QUESTION))

/* The first answer is kept. The owner is woken in either case. */
inline store(text) {
    if
#ifdef ANSWER_REPLACED
    :: true -> answerSignal = text
#else
    :: answerSignal == 0 -> answerSignal = text
    :: else -> skip
#endif
    fi;
    announce()
}

inline acknowledge(text) {
    CHECK(P_ANSWER_ONCE, answerAcknowledged == 0);
    answerAcknowledged = text
}
/* RunEngine.resume. A caller tries again until the question is answered, or the run is over. */
proctype Answerer(byte text) {
    byte i, state, luck;
    bool isNew = false, isLocal = false;
    do
    :: atomic { state == 0 && (answered || isOver) -> break }
    :: atomic { state == 0 && awaits && answerSignal == 0 && canAnswer(0) -> i = 0; state = 1; isLocal = isExecuted(0) }
    :: atomic { state == 0 && awaits && answerSignal == 0 && canAnswer(1) -> i = 1; state = 1; isLocal = isExecuted(1) }
    :: atomic { state == 1 && isUp(i) ->
        request(luck);
        if
        :: luck == FINE -> isNew = answerSignal == 0; state = 2
        :: luck == UNSENT -> state = 0
        :: else -> state = 3
        fi;
        if
        :: luck != UNSENT -> store(text)
        :: else -> skip
        fi;
        luck = FINE }
    :: atomic { state == 2 && isUp(i) ->
        if
#ifndef ANSWER_UNREAD
        /* The run is read again: it may have ended before the answer was stored. */
        :: isOver && !answered -> skip
        :: else ->
#else
        :: true ->
#endif
        if
        :: isNew && isLocal && isExecuted(i) && (p[i].state == AWAITING || p[i].state == LEAVING) ->
            machineAnswer(i, text); acknowledge(text)
        :: isNew && isLocal && isExecuted(i) && (p[i].state == CANCELLING || p[i].outcome == CANCELLED) -> skip
        :: isNew && isLocal && isExecuted(i) && p[i].state != AWAITING && p[i].state != LEAVING &&
           p[i].state != CANCELLING && p[i].outcome != CANCELLED ->
            acknowledge(text)
        :: isNew && (!isLocal || !isExecuted(i)) -> acknowledge(text)
        :: else -> skip
        fi
        fi;
        if
        :: !isExecuted(i) && p[i].dormant != 0 -> p[i].announced = true
        :: else -> skip
        fi;
        state = 3 }
    :: atomic { (state == 1 || state == 2) && p[i].mode == DOWN ->
        if
        :: state == 1 -> state = 0
        :: else -> state = 3
        fi }
    :: state == 3 -> break
    od
}
#endif

#if DELETES > 0
/* RunEngine.deleteRun, in any process. */
proctype Deleter() {
    atomic { isOver ->
        deleted = true; events = 0; ending = 0; echo = 0; answered = false; cancelling = false; history = 0;
        ownerToken = 0; ownerProcess = NOBODY; cancelSignal = false; answerSignal = 0 }
}
#endif

/* ---- Faults ---- */

#ifndef CRASHING
#define CRASHING 0          /* The process that may crash, and be paused. */
#endif
#ifndef PAUSING
#define PAUSING 0
#endif

proctype Faults() {
    do
    :: atomic { crashes > 0 && p[CRASHING].mode != DOWN -> crashes--; hasFaults = true; stop(CRASHING) }
    :: atomic { p[PAUSING].mode != PAUSED -> break }
    :: atomic { pauses > 0 && isUp(PAUSING) -> pauses--; p[PAUSING].mode = PAUSED }
    :: atomic { p[PAUSING].mode == PAUSED && isAlive[PAUSING] -> expire(PAUSING) }
    :: atomic { p[PAUSING].mode == PAUSED -> p[PAUSING].mode = UP }
    od
}

/* The heartbeat of a process that has crashed expires. */
proctype Clock() {
    do
    :: atomic { p[0].mode == DOWN && isAlive[0] -> expire(0) }
    :: atomic { p[1].mode == DOWN && isAlive[1] -> expire(1) }
#if PROCESSES > 2
    :: atomic { p[2].mode == DOWN && isAlive[2] -> expire(2) }
#endif
    od
}

#define losesProcess (ending == FAILED_LOST || ending == FAILED_SHUT)

proctype Monitor() {
    timeout ->
    CHECK(P_ENDS, events == 0 || isOver || awaits && ANSWERS == 0);
    CHECK(P_CREATE_KEPT, !createdAcknowledged || events > 0 || deleted);
    CHECK(P_CANCEL_KEPT, !cancelAcknowledged || ending == CANCELLED);
    CHECK(P_ANSWER_KEPT, answerAcknowledged == 0 || answered || ending == CANCELLED || losesProcess);
    CHECK(P_HISTORY, history == (ending == COMPLETED))
}

init {
    atomic {
        isListed[0] = true; isListed[1] = true; isAlive[0] = true; isAlive[1] = true;
#ifndef RELEASED_UNSEEN
        isListed[RELEASED] = true; /* RunEngine.withReleased */
#endif
        run Server(0); run Server(1); run Monitor();
#if PROCESSES > 2
        isListed[2] = true; isAlive[2] = true;
        run Server(2);
#endif
#if CRASHES > 0 || PAUSES > 0
        run Faults(); run Clock();
#endif
#if SHUTDOWNS > 0
        run Shutdown(0);
#endif
#if DELETES > 0
        run Deleter();
#endif
#if CANCELS > 0
        run Canceller();
#endif
#if ANSWERS > 0
        run Answerer(1);
#endif
#if ANSWERS > 1
        run Answerer(2);
#endif
    }
}

ltl ends { [] (events > 0 -> <> (ending != 0)) }
