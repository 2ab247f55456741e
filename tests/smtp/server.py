"""A real SMTP server that misbehaves on request, for the tests of outgoing mail.

    /usr/bin/python3 tests/smtp/server.py --dir FOLDER [--port N] [--slow SECONDS]
                                          [--control FILE] [--dead] [--until-stdin-closes]

It listens on 127.0.0.1, prints "PORT n", and keeps each accepted message as FOLDER/0001.eml (the
exact bytes received) beside FOLDER/0001.json (envelope, and subject and texts as decoded by
Python's own parser). A pair is complete as soon as the .eml file is there.

How it behaves is chosen by the first word of a recipient's local part (`nouser@`, `nouser+7@`),
or for everybody by the word in the control file, which may change at any time:

    nouser    550 5.1.1 at RCPT, for ever          full      452 4.2.2 at RCPT, for ever
    greylist  451 4.7.1 at the first RCPT only     rejected  554 5.6.0 after the message
    slow      answers the message after --slow     drop      closes without answering the message
    lost      as drop, but keeps the message       hangup    closes at RCPT
    busy      421 4.3.2 at RCPT, and closes

--dead accepts connections and never says a word. Needs aiosmtpd (Debian: python3-aiosmtpd).
"""

import argparse
import asyncio
import email
import email.policy
import json
import os
import pathlib
import sys

AT_RCPT = {
    "nouser": "550 5.1.1 No such user here",
    "full": "452 4.2.2 Mailbox full",
}


def behaviour(recipient, control):
    """The behaviour a recipient is met with: the control file's word, else the local part's."""
    word = control.read_text().strip() if control and control.exists() else ""
    return word or recipient.split("@")[0].split("+")[0].lower()


class Postmaster:
    """Answers the SMTP commands and keeps what was accepted."""

    def __init__(self, folder, slow, control):
        self.folder = folder
        self.slow = slow
        self.control = control
        self.greylisted = set()
        self.kept = len(list(folder.glob("*.eml")))

    async def handle_RCPT(self, server, session, envelope, address, options):
        how = behaviour(address, self.control)
        if how in AT_RCPT:
            return AT_RCPT[how]
        if how == "greylist" and (envelope.mail_from, address) not in self.greylisted:
            self.greylisted.add((envelope.mail_from, address))
            return "451 4.7.1 Greylisted, try again later"
        if how == "hangup":
            server.transport.abort()
        if how == "busy":
            asyncio.get_running_loop().call_soon(server.transport.close)
            return "421 4.3.2 Too busy, closing"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        ways = {behaviour(address, self.control) for address in envelope.rcpt_tos}
        if "slow" in ways:
            await asyncio.sleep(self.slow)
        if "lost" in ways:
            self.keep(envelope)
        if ways & {"drop", "lost"}:
            server.transport.abort()
            return "421 4.4.2 Nobody hears this"
        if "rejected" in ways:
            return "554 5.6.0 Message refused"
        return f"250 2.0.0 Kept as {self.keep(envelope)}"

    def keep(self, envelope):
        self.kept += 1
        name = f"{self.kept:04}"
        beside = {"mail_from": envelope.mail_from, "rcpt_to": envelope.rcpt_tos}
        beside.update(decoded(envelope.original_content))
        (self.folder / f"{name}.json").write_text(json.dumps(beside, indent=1))
        partial = self.folder / f"{name}.part"
        partial.write_bytes(envelope.original_content)
        os.replace(partial, self.folder / f"{name}.eml")
        return name


def decoded(content):
    """Headers and the two readings of a message, as a mail program would show them."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    readings = {}
    for kind in ("plain", "html"):
        part = message.get_body((kind,))
        readings[kind] = part.get_content().replace("\r\n", "\n") if part else ""
    return {
        "headers": [[name, str(value)] for name, value in message.items()],
        "subject": str(message["subject"] or ""),
        "text": readings["plain"],
        "html": readings["html"],
    }


async def never_greet(reader, writer):
    await reader.read()
    writer.close()


async def serve(arguments):
    loop = asyncio.get_running_loop()
    if arguments.dead:
        server = await asyncio.start_server(never_greet, "127.0.0.1", arguments.port)
    else:
        from aiosmtpd.smtp import SMTP

        arguments.dir.mkdir(parents=True, exist_ok=True)
        postmaster = Postmaster(arguments.dir, arguments.slow, arguments.control)
        server = await loop.create_server(
            lambda: SMTP(postmaster, hostname="mail.test", enable_SMTPUTF8=True),
            "127.0.0.1",
            arguments.port,
        )
    print("PORT", server.sockets[0].getsockname()[1], flush=True)
    if arguments.until_stdin_closes:
        await loop.run_in_executor(None, sys.stdin.buffer.read)
        os._exit(0)  # connections that are never answered would hold an orderly end up
    await server.serve_forever()


def main():
    parser = argparse.ArgumentParser(description="An SMTP server that misbehaves on request")
    parser.add_argument("--dir", type=pathlib.Path, default=pathlib.Path("mails"))
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--slow", type=float, default=5.0, metavar="SECONDS")
    parser.add_argument("--control", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--dead", action="store_true")
    parser.add_argument("--until-stdin-closes", action="store_true")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
