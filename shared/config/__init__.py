"""``handrail.yaml``: sources, people, targets and Prometheus servers."""

from shared.config.sources import HmacAuth, SignatureStyle, SourceConfig
from shared.config.targets import LocalTarget, SshTarget, Target
from shared.config.whole import Config, Person, PrometheusServer, load_config

__all__ = [
    "Config",
    "HmacAuth",
    "LocalTarget",
    "Person",
    "PrometheusServer",
    "SignatureStyle",
    "SourceConfig",
    "SshTarget",
    "Target",
    "load_config",
]
