"""The notifier: requests for approval out, people's answers in."""

from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import Field, HttpUrl

from services.notifier.api import question_links
from services.notifier.audit.desk import WitnessedDesk
from services.notifier.audit.store import MongoTrail
from services.notifier.bounces.api import bounce_route
from services.notifier.bounces.returns import Returns
from services.notifier.bounces.store import MongoBounced
from services.notifier.bounces.taking import Bounces
from services.notifier.channels.building import keep_true, messengers
from services.notifier.channels.directory import Directory
from services.notifier.channels.email import EmailMessenger
from services.notifier.channels.parts import Parts
from services.notifier.channels.settings import ChannelSettings
from services.notifier.channels.store import MongoIncidents, MongoPosts
from services.notifier.channels.telling import Teller
from services.notifier.codes.codes import Codes
from services.notifier.codes.store import MongoCodes
from services.notifier.delivery import Postman
from services.notifier.door import Door
from services.notifier.feedback.api import feedback_links
from services.notifier.feedback.feedback import FeedbackLinks
from services.notifier.feedback.store import MongoFeedbacks
from services.notifier.folder import Announce, TerminalMailer, on_terminal
from services.notifier.handlers import progress, router
from services.notifier.inadvance.api import advance_links
from services.notifier.inadvance.beside import StandIns
from services.notifier.inadvance.herald import Herald
from services.notifier.inadvance.saying import InAdvance
from services.notifier.linking import Linking
from services.notifier.links import Channel
from services.notifier.mailing import mailer, reachable
from services.notifier.outcomes.deciding import Outcomes
from services.notifier.outcomes.release import Release
from services.notifier.outcomes.routes import OutcomeRoutes
from services.notifier.outcomes.store import MongoHolding, MongoTickets
from services.notifier.routing.choosing import Chooser
from services.notifier.routing.matching import matched
from services.notifier.routing.planning import Planner
from services.notifier.routing.rounds import Rounds
from services.notifier.routing.store import MongoClaims
from services.notifier.store import MongoCourses, MongoNotifications, MongoQuestions
from shared.config import Config, load_config
from shared.config.channels import EMAIL, EmailChannel, Kind
from shared.loops import every
from shared.oncall.keeping import PAUSE as LOOK
from shared.oncall.keeping import Keeper, Rosters
from shared.oncall.store import MongoShifts
from shared.oncall.web import client
from shared.service import Service, compose
from shared.settings import SigningSettings
from shared.signing import Signer
from shared.standing.live import PAUSE as STANDING_PAUSE
from shared.standing.live import LiveStanding
from shared.standing.store import MongoStanding

#: How long after its time an approval may still look open, and an event may lie in the store.
PAUSE: Final = timedelta(seconds=1)


class Settings(ChannelSettings, SigningSettings):
    """What the notifier is told by its environment."""

    notifier_port: int = Field(8081, ge=1, le=65535)
    public_url: HttpUrl | None = None

    @property
    def links_to(self) -> str:
        """Where people reach the approval pages."""
        if self.public_url is not None:
            return str(self.public_url).rstrip("/")
        return f"http://127.0.0.1:{self.notifier_port}"


def build(settings: Settings, *, announce: Announce = on_terminal) -> Service:
    """Compose the service; opens nothing.

    Args:
        settings: from the environment.
        announce: shows a link on the terminal, where no mail server is configured.

    Raises:
        SettingsError: a setting or an address cannot be used.
        SourceError: handrail.yaml is wrong.
    """
    service = compose("notifier", settings, port=settings.notifier_port)
    signer = Signer(settings.secret_key)
    questions = MongoQuestions(service.database, service.bus.publish)
    config = load_config(settings.config)
    shifts = MongoShifts(service.database)
    rosters = Rosters(config.schedules, shifts)
    trail = MongoTrail(service.database)
    words = MongoStanding(service.database)
    standing = LiveStanding(words, signer, _now)
    people = reachable(config.people)
    desk = WitnessedDesk(
        questions,
        signer,
        _now,
        rosters,
        trail=trail,
        handed=standing.to,
        people=[one.email for one in people],
    )
    directory = Directory(people, config.channels)
    linking = Linking(signer.link_key(), settings.links_to)
    feedbacks = MongoFeedbacks(service.database, service.bus.publish)
    parts = Parts(
        service=service,
        people=people,
        posts=MongoPosts(service.database),
        incidents=MongoIncidents(service.database),
        questions=questions,
        desk=desk,
        feedbacks=feedbacks,
        now=_now,
        link=linking.link_for,
        public_url=settings.links_to,
        slack=settings.slack,
    )
    chats = messengers(parts, config.channels)
    keep_true(parts, questions, chats)
    returns = _returns(service, config, signer)
    postman = Postman(
        {
            Channel.EMAIL: EmailMessenger(mailer(settings, service, announce, returns=returns)),
            Channel.TERMINAL: EmailMessenger(TerminalMailer(announce)),
            **chats,
        }
    )
    chooser = Chooser(directory, config.teams)
    claims = MongoClaims(service.database)
    rounds = Rounds(
        claims=claims,
        questions=questions,
        planner=Planner(chooser, StandIns(directory, standing)),
        linking=linking,
        postman=postman,
        rosters=rosters,
        now=_now,
    )
    notifications = MongoNotifications(service.database)
    feedback = FeedbackLinks(signer.link_key(), settings.links_to)
    outcomes = _outcomes(service, OutcomeRoutes.of(config, chooser, rosters))
    teller = Teller(
        directory, notifications, postman, feedback=feedback.link_for, outcomes=outcomes
    )
    if outcomes is not None and outcomes.routes.hold:
        release = Release(outcomes.holding, teller, _now)
        held = every(PAUSE, lambda: release.look(service.bus.publish), name="held news")
        service.loops.append(held)
    wanted = (router, progress) if teller.wants(Kind.STARTED, Kind.NEEDS_LOOK) else (router,)
    for each in wanted:
        service.attach(
            each,
            questions=questions,
            teller=teller,
            rounds=rounds,
            signer=signer,
            route=lambda asked, now: matched(config.routes, asked, config.targets, now),
        )
    door = Door(settings.links_to, _now)
    kept = MongoCodes(service.database)
    codes = Codes(
        config.approvals.confirm,
        kept=kept,
        signer=signer,
        post=postman,
        directory=directory,
        now=_now,
    )
    in_advance = InAdvance(
        words,
        standing,
        signer,
        people,
        lambda question_id, more: rounds.also(question_id, more, service.bus.publish),
        _now,
    )
    service.api.include_router(
        advance_links(desk, in_advance, codes, key=signer.link_key(), now=_now, door=door)
    )
    courses = MongoCourses(service.database)
    service.api.include_router(
        question_links(
            desk, key=signer.link_key(), now=_now, door=door, courses=courses, codes=codes
        )
    )
    service.api.include_router(
        feedback_links(feedbacks, feedback, notifications.title_of, now=_now, door=door)
    )
    service.prepare += [
        feedbacks.prepare,
        questions.prepare,
        claims.prepare,
        courses.prepare,
        trail.prepare,
        kept.prepare,
        words.prepare,
        standing.look,
    ]
    service.loops.append(every(PAUSE, lambda: rounds.look(service.bus.publish), name="routing"))
    service.loops.append(every(STANDING_PAUSE, standing.look, name="standing"))
    herald = Herald(words, signer, people, postman, _now)
    service.loops.append(every(STANDING_PAUSE, herald.look, name="said in advance"))
    service.loops.append(every(PAUSE, desk.expire, name="expire"))
    service.loops.append(every(PAUSE, questions.sweep, name="outbox"))
    service.loops.append(every(PAUSE, feedbacks.sweep, name="feedback"))
    _keep_schedules(service, config, shifts)
    return service


def _returns(service: Service, config: Config, signer: Signer) -> Returns | None:
    """Where mails come back to, with the route that takes them in; none where it is not said."""
    email = config.channels.get(EMAIL)
    if not isinstance(email, EmailChannel) or email.bounces is None:
        return None
    returns = Returns(email.bounces, signer.link_key())
    kept = MongoBounced(service.database)
    service.api.include_router(bounce_route(Bounces(kept, returns, service.bus.publish, _now)))
    return returns


def _outcomes(service: Service, routes: OutcomeRoutes | None) -> Outcomes | None:
    """What routes say of outcomes; where none does, nothing is looked up or kept for them."""
    if routes is None:
        return None
    holding = MongoHolding(service.database)
    service.prepare.append(holding.prepare)
    return Outcomes(routes, MongoTickets(service.database), holding)


def _keep_schedules(service: Service, config: Config, shifts: MongoShifts) -> None:
    """Have it known who is on call by schedules that others keep."""
    http = client()
    keeper = Keeper(
        config.schedules, config.people, shifts, http, registry=service.registry, now=_now
    )
    service.loops.append(every(LOOK, keeper.look, name="oncall"))
    service.close.append(http.aclose)


def _now() -> datetime:
    return datetime.now(UTC)
