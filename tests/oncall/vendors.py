"""Local servers that speak what PagerDuty and Opsgenie document, and serve a calendar."""

import asyncio
import socket
from contextlib import asynccontextmanager
from datetime import datetime

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse


class Vendor:
    """What a vendor knows; ``down`` has it answer with that status, ``requests`` is what it got."""

    def __init__(self):
        self.down = 0
        self.requests = []
        self.url = ""
        self.oncalls = []
        self.recipients = []
        self.calendar = ""
        self.app = FastAPI()
        self.app.add_api_route("/oncalls", self._pagerduty)
        self.app.add_api_route("/v2/schedules/{schedule}/on-calls", self._opsgenie)
        self.app.add_api_route("/calendar.ics", self._ical)
        self.app.add_api_route("/elsewhere", self._elsewhere)

    def on_call(self, email, start=None, end=None, *, level=1):
        """An on-call as PagerDuty's reference shows it, with `include[]=users`."""
        user = {
            "id": email[:3].upper(),
            "type": "user",
            "summary": email.split("@")[0].title(),
            "name": email.split("@")[0].title(),
            "email": email,
            "self": f"https://api.pagerduty.com/users/{email[:3]}",
            "html_url": None,
            "time_zone": "UTC",
        }
        policy = {"id": "PT20YPA", "type": "escalation_policy_reference", "summary": "A policy"}
        schedule = {"id": "PI7DH85", "type": "schedule_reference", "summary": "Daily"}
        self.oncalls.append(
            {
                "user": user,
                "schedule": schedule,
                "escalation_policy": policy,
                "escalation_level": level,
                "start": start,
                "end": end,
            }
        )

    async def _pagerduty(self, request: Request) -> Response:
        self.requests.append(request)
        if self.down:
            return JSONResponse({"error": {"message": "not now", "code": 1}}, self.down)
        if request.headers.get("authorization") != "Token token=pd-token":
            return JSONResponse({"error": {"message": "Invalid token", "code": 2006}}, 401)
        query = request.query_params
        since, until = (datetime.fromisoformat(query[name]) for name in ("since", "until"))
        offset, limit = int(query["offset"]), min(100, int(query["limit"]))
        found = [
            one
            for one in self.oncalls
            if query.getlist("schedule_ids[]") == [one["schedule"]["id"]]
            and (one["start"] is None or datetime.fromisoformat(one["start"]) < until)
            and (one["end"] is None or datetime.fromisoformat(one["end"]) > since)
        ]
        page = found[offset : offset + limit]
        if query.getlist("include[]") != ["users"]:
            for one in page:
                one["user"] = {"id": one["user"]["id"], "type": "user_reference", "summary": "x"}
        more = offset + limit < len(found)
        body = {"oncalls": page, "limit": limit, "offset": offset, "more": more, "total": None}
        return JSONResponse(body)

    async def _opsgenie(self, schedule: str, request: Request) -> Response:
        self.requests.append(request)
        if self.down:
            return JSONResponse({"message": "not now", "took": 0.1, "requestId": "r"}, self.down)
        if request.headers.get("authorization") != "GenieKey og-key":
            return JSONResponse({"message": "Key format is not valid!", "took": 0.0}, 422)
        known = (schedule, request.query_params["scheduleIdentifierType"]) == ("web team", "name")
        if not known or request.query_params.get("flat") != "true":
            return JSONResponse({"message": "Schedule does not exist", "took": 0.0}, 404)
        parent = {"id": "d875alp4", "name": schedule, "enabled": True}
        data = {"_parent": parent, "onCallRecipients": self.recipients}
        return JSONResponse({"data": data, "took": 0.09, "requestId": "e5eab6"})

    async def _ical(self, request: Request) -> Response:
        self.requests.append(request)
        status = self.down or 200
        return Response(self.calendar, status_code=status, media_type="text/calendar")

    async def _elsewhere(self) -> Response:
        return Response(status_code=302, headers={"Location": "/calendar.ics"})


@asynccontextmanager
async def vendor():
    """A vendor that listens on a port of its own."""
    made = Vendor()
    listening = socket.create_server(("127.0.0.1", 0))
    made.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(made.app, log_config=None, lifespan="off"))
    # It is not the test's process that is to be stopped by a signal.
    server.install_signal_handlers = lambda: None
    serving = asyncio.create_task(server._serve(sockets=[listening]))
    try:
        yield made
    finally:
        server.should_exit = True
        await serving
        listening.close()
