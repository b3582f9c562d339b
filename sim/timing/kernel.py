"""The token machine: all registers that steer handshakes, one clock cycle after the other.

Every cycle has three parts. The surroundings offer and accept. Every stage
looks at the registers and decides what it takes and gives (nothing that is
decided in this cycle is looked at, since no module has a combinational path
between its sides). Every slice then loads.

``module[m]`` holds the constants of a stage, ``state[m]`` its registers, both by
the column numbers below; ``slices[c]`` those of the slice that drives channel
``c``. The columns of ``tally[c]`` are counts that steer nothing.
"""

from __future__ import annotations

import numpy as np

from hwcompress.sim.jit import kernel

__all__ = [
    "BUFFER", "DEADLOCK", "DONE", "FRAME_END", "HALF", "MODULE_WIDTH", "MOST", "NARROWER",
    "OUT_OF_CYCLES", "PIPELINE", "PLAIN", "SLICE_WIDTH", "SOURCE", "STATE_WIDTH", "SWEEP", "SWEPT",
    "TALLY_WIDTH", "run",
]  # fmt: skip

# Kinds of stages.
PIPELINE, BUFFER, NARROWER, SWEEP = 0, 1, 2, 3
# Columns of `module`, for all kinds; then of each kind.
_KIND, _STAGES, _IN, _INS, _OUT, _OUTS = 0, 1, 2, 3, 4, 5
_RUN, _RUNS, _EAGER = 6, 7, 8
_SEGMENT, _SEGMENTS, _FRAME, _DEPTH, _LATE = 6, 7, 9, 10, 11
_RATIO = 6
_ROW, _LAG, _WORDS, _SKIP, _COLUMNS, _FOLDS = 8, 12, 13, 14, 15, 16  # and those of a buffer
MODULE_WIDTH = 17
# Columns of `state`.
_STEP, _ROUND = 0, 1
_WRITTEN, _PLACE, _BEAT, _ROOM, _MOST = 0, 1, 2, 3, 4
MOST = _MOST
_FULL, _PART = 0, 1
_DIRTY, _LIVE, _WORD, _SKIPPED, _COLUMN, _NEXT, _FOLD = 5, 6, 7, 8, 9, 10, 11
STATE_WIDTH = 12
# Columns of `slices`: the kind of slice, its registers, this cycle's wires, and the stages
# before and behind it, or -1.
_SLICE, _VALID, _SPARE_FREE, _PIPE, _PUSH, _POP, _OWNER, _READER = 0, 1, 2, 3, 4, 5, 6, 7
SLICE_WIDTH = 8
HALF, PLAIN, SOURCE, SWEPT = 1, 2, 3, 4
# Columns of `tally`: beats of a frame, those of this one, frames, beats in all, line of `trace`
# or -1, and 1 for an output, 2 for the first one.
_BEATS, _POSITION, _FRAMES, _TOTAL, _WATCH, _SINK = 0, 1, 2, 3, 4, 5
TALLY_WIDTH = 6
# How a run ended.
FRAME_END, DONE, DEADLOCK, OUT_OF_CYCLES = 0, 1, 2, 3


@kernel
def advance(module: np.ndarray, state: np.ndarray, segments: np.ndarray, m: int) -> None:
    """The reader of a buffer goes to its next beat."""
    state[m, _BEAT] += 1
    if state[m, _BEAT] == segments[module[m, _SEGMENT] + state[m, _PLACE], 2]:
        state[m, _BEAT] = 0
        state[m, _PLACE] += 1
        if state[m, _PLACE] == module[m, _SEGMENTS]:
            state[m, _PLACE] = 0
            state[m, _WRITTEN] -= module[m, _FRAME]


@kernel
def sweep(module: np.ndarray, state: np.ndarray, m: int, there: bool) -> bool:
    """The reader of a sweep and the registers behind it move; gives whether it read."""
    c = state[m, _BEAT]
    lagging = c < module[m, _LAG]
    tail = state[m, _LIVE] != 0 and lagging
    now = state[m, _LIVE] != 0 or c == module[m, _LAG]
    out = now and state[m, _SKIPPED] == 0
    if not (there or tail):
        state[m, _NEXT] = 0
        return False
    state[m, _NEXT] = np.int64(out)
    end_word = state[m, _WORD] == module[m, _WORDS] - 1
    last = out and end_word and state[m, _COLUMN] == module[m, _COLUMNS] - 1
    dirty = tail and (state[m, _DIRTY] != 0 or not there)
    again = dirty and last
    state[m, _DIRTY] = np.int64(dirty and not again)
    if now:
        state[m, _LIVE] = np.int64(not last)
        state[m, _WORD] = 0 if end_word else state[m, _WORD] + 1
        if last:
            state[m, _SKIPPED] = 0
            state[m, _COLUMN] = 0
        elif end_word:
            state[m, _SKIPPED] += 1
            if state[m, _SKIPPED] == module[m, _SKIP]:
                state[m, _SKIPPED] = 0
                state[m, _COLUMN] += 1
    if c == module[m, _ROW] - 1:
        state[m, _PLACE] += 1
        if state[m, _PLACE] == module[m, _SEGMENTS]:
            state[m, _PLACE] = 0
            state[m, _WRITTEN] -= module[m, _FRAME]
        state[m, _BEAT] = 0
    else:
        state[m, _BEAT] = 0 if again else c + 1
    return True


@kernel
def run(
    module: np.ndarray,
    state: np.ndarray,
    slices: np.ndarray,
    tally: np.ndarray,
    wires: np.ndarray,
    program: np.ndarray,
    segments: np.ndarray,
    sources: np.ndarray,
    sinks: np.ndarray,
    left: np.ndarray,
    offers: np.ndarray,
    accepts: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    trace: np.ndarray,
    awake: np.ndarray,
    clock: np.ndarray,
    cycles: int,
    frames: int,
    quiet_limit: int,
) -> int:
    """Run until all outputs have ended ``frames`` frames, or, at 0, until the first one ends one.

    Gives how it ended, too, where it stopped for another reason: nothing has
    moved for ``quiet_limit`` cycles, or ``cycles`` are over.

    A stage sleeps after a cycle that has changed none of its registers, until
    a slice on either side of it changes.
    """
    modules = module.shape[0]
    channels = slices.shape[0]
    recorded = first.shape[1]
    traced = trace.shape[1]
    quiet = clock[1]
    status = DONE
    t = clock[0]
    while True:
        if t >= cycles:
            status = OUT_OF_CYCLES
            break
        moved = False

        # ---- the surroundings
        for i in range(sources.shape[0]):
            c = sources[i]
            if slices[c, _VALID] == 0 and left[i] != 0:
                slices[c, _VALID] = offers[i, t % offers.shape[1]]
                if slices[c, _READER] >= 0:
                    awake[slices[c, _READER]] = 1
        for i in range(sinks.shape[0]):
            c = sinks[i]
            slices[c, _POP] = slices[c, _VALID] & accepts[i, t % accepts.shape[1]]

        # ---- the stages
        for m in range(modules):
            if awake[m] == 0:
                continue
            active = False
            kind = module[m, _KIND]
            stages = module[m, _STAGES]
            out = module[m, _OUT]
            outs = module[m, _OUTS]
            top = np.int64(1) << (stages - 1) if stages > 0 else np.int64(0)
            blocked = np.int64(0)  # results without room, a bit each
            for c in range(out, out + outs):
                if slices[c, _SLICE] == HALF:
                    if slices[c, _VALID] != 0 and (stages == 0 or slices[c, _PIPE] & top != 0):
                        blocked |= np.int64(1) << (c - out)
                elif slices[c, _SPARE_FREE] == 0:
                    blocked |= np.int64(1) << (c - out)
            en = blocked == 0
            given = np.int64(0)  # results that get a beat, a bit each
            if kind == PIPELINE:
                step = module[m, _RUN] + state[m, _STEP]
                takes = program[step, 1]
                gives = program[step, 2]
                asks = program[step, 3]
                fire = en or (module[m, _EAGER] != 0 and blocked & gives == 0)
                base = module[m, _IN]
                count = module[m, _INS]
                if fire:
                    for i in range(count):
                        if (asks >> i) & 1 and slices[wires[base + i], _VALID] == 0:
                            fire = False
                for i in range(count):
                    slices[wires[base + i], _POP] = np.int64(fire) & (takes >> i)
                if fire:
                    active = True
                    given = gives
                    state[m, _ROUND] += 1
                    if state[m, _ROUND] == program[step, 0]:
                        state[m, _ROUND] = 0
                        state[m, _STEP] += 1
                        if state[m, _STEP] == module[m, _RUNS]:
                            state[m, _STEP] = 0
            elif kind == BUFFER:
                plain = slices[out, _SLICE] == PLAIN
                if plain:  # the register behind the memory decides when it loads
                    read = slices[out, _PIPE] != 0
                    slices[out, _PIPE] = 0
                    if read:
                        active = True
                        advance(module, state, segments, m)
                written = state[m, _WRITTEN]
                place = module[m, _SEGMENT] + state[m, _PLACE]
                held = written - segments[place, 1]
                room = held < module[m, _DEPTH]
                c = wires[module[m, _IN]]
                if module[m, _LATE] != 0:
                    write = slices[c, _VALID] & state[m, _ROOM]
                    if state[m, _ROOM] != np.int64(room):
                        state[m, _ROOM] = np.int64(room)
                        active = True
                else:
                    write = slices[c, _VALID] & np.int64(room)
                slices[c, _POP] = write
                state[m, _WRITTEN] += write
                if en and written >= segments[place, 0]:
                    given = np.int64(1)
                    if not plain:
                        active = True
                        advance(module, state, segments, m)
                if write != 0:
                    active = True
                    state[m, _MOST] = max(state[m, _MOST], held + 1)
            elif kind == SWEEP:
                c = wires[module[m, _IN]]
                place = module[m, _SEGMENT] + state[m, _PLACE]
                written = state[m, _WRITTEN]
                beat = state[m, _BEAT]
                top = segments[place, 1]
                kept = max(top, 0)
                if top >= 0 and beat >= module[m, _LAG]:
                    kept += beat
                room = np.int64(written - kept < module[m, _DEPTH])
                write = slices[c, _VALID] & state[m, _ROOM]
                if state[m, _ROOM] != room:
                    state[m, _ROOM] = room
                    active = True
                slices[c, _POP] = write
                given = np.int64(written > segments[place, 0] + beat)
                state[m, _WRITTEN] += write
                if write != 0:
                    active = True
                    state[m, _MOST] = max(state[m, _MOST], written - kept + 1)
            else:
                c = wires[module[m, _IN]]
                full = state[m, _FULL]
                end = en and state[m, _PART] == module[m, _RATIO] - 1
                load = slices[c, _VALID] & np.int64(full == 0 or end)
                slices[c, _POP] = load
                given = full if en else np.int64(0)
                if en and full != 0:
                    active = True
                    state[m, _PART] = 0 if end else state[m, _PART] + 1
                if load != 0:
                    active = True
                    state[m, _FULL] = 1
                elif end:
                    state[m, _FULL] = 0
            for c in range(out, out + outs):
                give = (given >> (c - out)) & 1
                if stages == 0:
                    slices[c, _PUSH] = give
                elif en:
                    pipe = slices[c, _PIPE]
                    slices[c, _PUSH] = np.int64(pipe & top != 0)
                    slices[c, _PIPE] = ((pipe & ~top) << 1) | give
                    if pipe != 0:
                        active = True
                else:
                    slices[c, _PUSH] = 0
            if active:
                moved = True
            else:
                awake[m] = 0

        # ---- the slices
        ended = 0
        for c in range(channels):
            pop = slices[c, _POP]
            what = slices[c, _SLICE]
            if what != SWEPT and pop | slices[c, _PUSH] == 0:
                continue
            before = slices[c, _VALID] | slices[c, _SPARE_FREE] << 1
            if what == 0:
                if pop != 0 or slices[c, _VALID] == 0:
                    slices[c, _VALID] = slices[c, _PUSH] | (slices[c, _SPARE_FREE] ^ 1)
                    slices[c, _SPARE_FREE] = 1
                elif slices[c, _PUSH] != 0:
                    slices[c, _SPARE_FREE] = 0
            elif what == PLAIN:
                if pop != 0 or slices[c, _VALID] == 0:
                    slices[c, _VALID] = slices[c, _PUSH]
                    slices[c, _PIPE] = slices[c, _PUSH]
                    if slices[c, _PUSH] != 0:
                        moved = True
                        awake[slices[c, _OWNER]] = 1
            elif what == HALF:
                if slices[c, _VALID] != 0:
                    slices[c, _VALID] = pop ^ 1
                else:
                    slices[c, _VALID] = slices[c, _PUSH]
            elif what == SWEPT:  # the whole module moves when its output does
                m = slices[c, _OWNER]
                if pop != 0:
                    state[m, _FOLD] += 1
                    if state[m, _FOLD] == module[m, _FOLDS]:
                        state[m, _FOLD] = 0
                        slices[c, _VALID] = 0
                if slices[c, _VALID] == 0:
                    slices[c, _VALID] = state[m, _NEXT]
                    if sweep(module, state, m, slices[c, _PUSH] != 0):
                        moved = True
                        awake[m] = 1
            elif pop != 0:
                slices[c, _VALID] = 0
            if before != slices[c, _VALID] | slices[c, _SPARE_FREE] << 1:
                if slices[c, _OWNER] >= 0:
                    awake[slices[c, _OWNER]] = 1
                if slices[c, _READER] >= 0:
                    awake[slices[c, _READER]] = 1
            if pop != 0:
                moved = True
                frame = tally[c, _FRAMES]
                if tally[c, _POSITION] == 0 and frame < recorded:
                    first[c, frame] = t
                tally[c, _POSITION] += 1
                if tally[c, _POSITION] == tally[c, _BEATS]:
                    tally[c, _POSITION] = 0
                    tally[c, _FRAMES] = frame + 1
                    if frame < recorded:
                        last[c, frame] = t
                    ended = max(ended, tally[c, _SINK])
                watch = tally[c, _WATCH]
                if watch >= 0 and tally[c, _TOTAL] < traced:
                    trace[watch, tally[c, _TOTAL]] = t
                tally[c, _TOTAL] += 1
        for i in range(sources.shape[0]):
            if slices[sources[i], _POP] != 0 and left[i] > 0:
                left[i] -= 1
        t += 1

        if moved:
            quiet = 0
        else:
            quiet += 1
            if quiet > quiet_limit:
                status = DEADLOCK
                break
        if frames == 0 and ended == 2:
            status = FRAME_END
            break
        if frames > 0 and ended > 0:
            done = True
            for i in range(sinks.shape[0]):
                done = done and tally[sinks[i], _FRAMES] >= frames
            if done:
                break
    clock[0] = t
    clock[1] = quiet
    return status
