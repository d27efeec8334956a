"""Plain settings into providers; the SDK is loaded only when one is configured."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ai_adapter.base import Capability, Task
from ai_adapter.errors import Misconfigured
from ai_adapter.models import MODELS, TASK_NEEDS, UNKNOWN
from ai_adapter.registry import DIALECTS, Dialect
from schemas.clock import Clock, utc_now

if TYPE_CHECKING:
    from ai_adapter.providers.port import Provider


@dataclass(frozen=True)
class Endpoint:
    """One OpenAI-compatible door. `base_url` may be left out for a known provider.

    Without `embed_model` vectors come from the template provider; without the model
    of another task this door does not do it. `able` is what models can that are not
    in `ai_adapter.models`; `aliases` names models of this door, e.g. `text.light`.
    """

    name: str
    default_model: str
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    embed_model: str = ""
    json_mode: bool = True
    image_model: str = ""
    moderation_model: str = ""
    speech_model: str = ""
    hearing_model: str = ""
    able: frozenset[Capability] = frozenset()
    aliases: Mapping[str, str] = field(default_factory=dict)

    @property
    def dialect(self) -> Dialect:
        return DIALECTS.get(self.name, Dialect(self.base_url))

    @property
    def url(self) -> str:
        return self.base_url or self.dialect.base_url

    def model_for(self, task: Task) -> str:
        """The model of a task, empty where this door does not do it."""
        of_task: Mapping[Task, str] = {
            "embed": self.embed_model,
            "image": self.image_model,
            "moderation": self.moderation_model,
            "speech": self.speech_model,
            "transcription": self.hearing_model,
        }
        return of_task.get(task, self.default_model)

    def can(self, model: str) -> frozenset[Capability]:
        """What a model of this door is able to do."""
        known = MODELS.get((self.name, model))
        if known:
            return known.able
        roles = {need for task, need in TASK_NEEDS.items() if self._has(task, model)}
        return frozenset(roles) or UNKNOWN | self.able

    def _has(self, task: Task, model: str) -> bool:
        return bool(model) and model == self.model_for(task)


def providers(*endpoints: Endpoint, now: Clock = utc_now) -> dict[str, "Provider"]:
    """One provider and one client per endpoint, in the order given."""
    if not endpoints:
        return {}
    # 0.65 s and 49 MB: roles that never call a model must not pay for it.
    from ai_adapter.providers.openai_compatible import OpenAICompatible

    made: dict[str, Provider] = {}
    for endpoint in endpoints:
        _check(endpoint, made)
        made[endpoint.name] = OpenAICompatible(endpoint, now)
    return made


def _check(endpoint: Endpoint, made: dict[str, "Provider"]) -> None:
    if endpoint.name in {*made, "", "template", "auto"} or "/" in endpoint.name:
        raise Misconfigured(f"provider name {endpoint.name!r} is taken or not allowed")
    if not endpoint.url.startswith(("http://", "https://")):
        raise Misconfigured(f"provider {endpoint.name!r} needs a base URL")
    if not endpoint.default_model:
        raise Misconfigured(f"provider {endpoint.name!r} needs a default model")
