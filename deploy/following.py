"""What commands write, put together from pieces that may come twice, late, or not at all."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from deploy.views import Output, Piece, SessionView
from shared.connectors.protocol import Stream
from shared.lifecycle import StepState

Place = tuple[str, int, Stream]


def newest(pieces: Iterable[Piece]) -> list[Piece]:
    """The pieces of the last owner of each attempt."""
    pieces = list(pieces)
    fences: dict[tuple[str, int], int] = {}
    for piece in pieces:
        attempt = piece.step_id, piece.attempt
        fences[attempt] = max(piece.fence, fences.get(attempt, 0))
    return [piece for piece in pieces if piece.fence == fences[piece.step_id, piece.attempt]]


def together(pieces: Iterable[Piece]) -> Iterator[Output]:
    """What the pieces are parts of, with a line for each part that is missing."""
    seen = Seen()
    texts: dict[Place, str] = {}
    for piece in pieces:
        place = piece.step_id, piece.attempt, piece.stream
        texts[place] = texts.get(place, "") + seen.fresh(piece)
    for (step_id, attempt), places in groupby(sorted(texts), key=lambda place: place[:2]):
        streams = {place[2].value: texts[place] for place in places}
        yield Output(step_id=step_id, attempt=attempt, cut=True, **streams)


@dataclass
class Seen:
    """How much of each stream was shown."""

    ends: dict[Place, int] = field(default_factory=dict)

    def fresh(self, piece: Piece) -> str:
        """What of a piece was not shown yet, after a line for what is missing before it."""
        place = piece.step_id, piece.attempt, piece.stream
        data, end = piece.text.encode(), self.ends.get(place, 0)
        missing = piece.offset - end
        self.ends[place] = max(end, piece.offset + len(data))
        if missing > 0:
            return f"\n[{missing} bytes are left out here]\n{piece.text}"
        return data[-missing:].decode(errors="replace") if missing else piece.text


@dataclass(frozen=True)
class Line:
    """Something to show: a line that a step wrote, or the state that it is in now."""

    step_id: str
    text: str
    stream: Stream | None = None


@dataclass
class Screen:
    """What was shown of a session that is followed."""

    _seen: Seen = field(default_factory=Seen)
    _begun: dict[Place, str] = field(default_factory=dict)
    _states: dict[str, str] = field(default_factory=dict)

    def heard(self, piece: Piece) -> Iterator[Line]:
        """The lines that a piece completes."""
        place = piece.step_id, piece.attempt, piece.stream
        *lines, self._begun[place] = (self._begun.get(place, "") + self._seen.fresh(piece)).split(
            "\n"
        )
        for line in lines:
            yield Line(piece.step_id, line, piece.stream)

    def looked(self, view: SessionView, pieces: Iterable[Piece]) -> Iterator[Line]:
        """What is new in the store."""
        session = view.session
        running = {id_ for id_, run in session.runs.items() if run.state is StepState.RUNNING}
        for step in session.steps:
            if step.id in running:
                yield from self._changed(view, step.id)
        for piece in (*pieces, *self._ends(view)):
            yield from self.heard(piece)
        for step in session.steps:
            if step.id not in running:
                yield from self._changed(view, step.id)

    def _changed(self, view: SessionView, step_id: str) -> Iterator[Line]:
        """The state of a step if it is another one, after what it wrote in the one before."""
        run = view.session.run(step_id)
        told = f"{run.state}: {run.reason}" if run.reason else run.state.value
        if self._states.get(step_id, StepState.PENDING.value) != told:
            yield from self._rest(step_id)
            self._states[step_id] = told
            yield Line(step_id, told)

    def _ends(self, view: SessionView) -> Iterator[Piece]:
        for output in view.output:
            for stream, text in ((Stream.STDOUT, output.stdout), (Stream.STDERR, output.stderr)):
                place = output.step_id, output.attempt, stream
                # Where something is left out, the places in it are not those of the stream.
                if text and (not output.cut or place not in self._seen.ends):
                    yield Piece(
                        step_id=output.step_id,
                        attempt=output.attempt,
                        stream=stream,
                        offset=0,
                        text=text,
                    )

    def _rest(self, step_id: str) -> Iterator[Line]:
        for place, text in list(self._begun.items()):
            if place[0] == step_id and text:
                self._begun[place] = ""
                yield Line(step_id, text, place[2])
