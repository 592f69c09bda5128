"""Mails that come back, as servers send them."""


def notice(to, *, action="failed", status="5.1.1", why="smtp; 550 no such user", original=""):
    """A delivery status notification (RFC 3464) that is delivered to an address."""
    return f"""\
From: Mail Delivery System <MAILER-DAEMON@mx.example.org>
To: {to}
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain

I am sorry to have to tell you that your message could not be delivered.

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; alice@example.org
Action: {action}
Status: {status}
Diagnostic-Code: {why}

--b1
Content-Type: message/rfc822

{original or "Subject: Approve?"}

body
--b1--
""".replace("\n", "\r\n").encode()
