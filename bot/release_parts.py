"""The parts that surround the traffic, built together: for the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.engine.performers import Release
from bot.engine.ports.chat import Chat
from bot.engine.ports.fleet import Fleet
from bot.engine.ports.rendered import Attachment
from bot.engine.ports.store import Store
from bot.engine.publishing import Edition, Publisher
from bot.engine.release_speaker import ReleaseSpeaker
from bot.engine.rollouts import Rollouts
from bot.engine.speaker import Speaker
from bot.engine.works import Hands, Works
from bot.prometheus import Prometheus
from bot.release.backup.taking import Backups
from bot.release.checks import Checks
from bot.release.runner.run import ShellRunner
from bot.release.steps import Steps, environment
from bot.rollout.model import Rollout
from bot.rollout.plan import Plan
from bot.slack.messages import Messages
from config.settings import Settings


class Printer:
    """bot.engine.publishing.Press. What draws and typesets is imported when it is first needed: most days it is not."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    async def report(self, rollout: Rollout, plan: Plan, now: float) -> Edition:
        from bot.release.report.publish import publish_files

        names, zone = self._settings.people.names, self._settings.timezone
        published = await publish_files(rollout.id, self._store, plan, names, now, zone)
        files = tuple(Attachment(file.name, file.title, file.content) for file in published.files)
        text = next(f.content for f in published.files if f.name == f"report.{self._settings.language}.md")
        return Edition(published.digest, files, text.decode())

    async def chart(self, rollout: Rollout, plan: Plan) -> Attachment | None:
        from bot.release.report.publish import draw_course

        settings = self._settings
        picture = await draw_course(rollout.id, self._store, plan, settings.timezone, settings.language)
        return Attachment(f"{rollout.id}.png", rollout.id, picture) if picture else None


@dataclass(frozen=True, slots=True)
class ReleaseParts:
    release: Release
    runners: tuple[ShellRunner, ...]

    async def aclose(self) -> None:
        for runner in self.runners:
            await runner.aclose()


def build_release(
    settings: Settings,
    store: Store,
    rollouts: Rollouts,
    fleets: Mapping[str, Fleet],
    metrics: Prometheus,
    chat: Chat,
    speaker: Speaker,
    messages: Messages,
    clock: Callable[[], float],
) -> ReleaseParts:
    secrets = {name: secret.reveal() for name, secret in settings.step_secrets.items()}
    hands, runners = {}, []
    for service, plan in settings.plans.items():
        book = plan.runbook
        runner = ShellRunner(plan.fleet, book.machines, settings.environ, replicas=store.shared)
        backups = Backups(service, book.backups, runner)
        hands[service] = Hands(Checks(runner, metrics, backups, clock), Steps(runner, secrets), backups)
        runners.append(runner)
    works = Works(rollouts, fleets, hands, metrics, environment)
    publisher = Publisher(rollouts, store, chat, speaker, Printer(store, settings), messages)
    release_speaker = ReleaseSpeaker(rollouts, store, chat, speaker, messages)
    return ReleaseParts(Release(works, publisher, release_speaker), tuple(runners))
