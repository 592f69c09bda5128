"""Functions of Lambda."""

import json
from base64 import b64decode, b64encode
from typing import Any

from shared.calls.aws import LambdaInvoke
from shared.connectors.aws.action import Site
from shared.connectors.protocol import Job, Lost
from shared.connectors.underway import Report, Work


class Invoke:
    """Call a function and wait for its answer."""

    async def shown(self, site: Site, call: LambdaInvoke) -> str:
        await site.aws.look("lambda", "invoke", **_said(call), InvocationType="DryRun")
        return f"calls {call.function} with {json.dumps(call.payload, ensure_ascii=False)}"

    async def do(self, site: Site, call: LambdaInvoke, job: Job, report: Report) -> int:
        # So that a function can tell that it is called with the same key again.
        context = {"custom": {"handrail-step": job.key}}
        answer = await site.do(
            report,
            "lambda",
            "invoke",
            job.timeout,
            **_said(call),
            Payload=json.dumps(call.payload).encode(),
            LogType="Tail",
            ClientContext=b64encode(json.dumps(context).encode()).decode(),
        )
        await report.write(await answer["Payload"].read())
        if answer.get("LogResult"):
            await report.complain(b64decode(answer["LogResult"]))
        return 1 if answer.get("FunctionError") else 0

    async def became(self, _site: Site, _call: LambdaInvoke, _job: Job) -> Work | Lost | None:
        return Lost("the function may have been called; Lambda keeps no word of it")


def _said(call: LambdaInvoke) -> dict[str, Any]:
    said: dict[str, Any] = {"FunctionName": call.function}
    if call.qualifier is not None:
        said["Qualifier"] = call.qualifier
    return said
