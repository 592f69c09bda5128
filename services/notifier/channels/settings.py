"""What the environment says of channels: how mails go out, and the app in Slack."""

from pathlib import Path

from pydantic import HttpUrl, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.notifier.channels.parts import SlackApp
from shared.settings import PREFIX


class ChannelSettings(BaseSettings):
    """The settings by which messages are sent; none of them has to be there."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    home: Path = Path(".handrail")
    smtp_url: SecretStr | None = None
    mail_from: str | None = None
    slack_bot_token: SecretStr | None = None
    slack_signing_secret: SecretStr | None = None
    slack_app_token: SecretStr | None = None
    slack_api_url: HttpUrl | None = None

    @property
    def slack(self) -> SlackApp:
        """The app in Slack."""
        return SlackApp(
            bot_token=self.slack_bot_token,
            signing_secret=self.slack_signing_secret,
            app_token=self.slack_app_token,
            api_url=str(self.slack_api_url) if self.slack_api_url else None,
        )
