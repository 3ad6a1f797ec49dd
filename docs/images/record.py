"""Runs the program and a few commands in a terminal of their own, and draws that terminal as an SVG.

    record.py PROGRAM FILE.svg

The server has demo data in a temporary folder, on a free port; the picture shows port 3000 and the
command of the README instead. All else on it was printed by the program, curl and jq.
"""

import io
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import tempfile

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

COLUMNS = 100
TITLE = "A seat that two people want"
DESCRIPTION = (
    "A terminal. The server starts with demo data. Ana reserves seat A1. Bruno asks for the same seat "
    "and is answered 409 seat_held, with the end of Ana's hold. Ana pays. Bruno asks again and is answered "
    "409 seat_sold. The seat map shows A1 as sold."
)

# A step of the story, and its commands. They are shown as they stand here and run by one bash.
STEPS = [
    ("In a second terminal: two of the sessions", [
        "curl -s localhost:3000/sessions | jq -c '.[-2:][] | [.movie, .room, .ticketPrice, .currency]'",
    ]),
    ("Ana and Bruno want seat A1", [
        "A1=01900000-0000-7000-8000-000000100001",
        r"""reserve() { curl -s localhost:3000/reservations --json "{\"seatId\":\"$A1\",\"userId\":\"$1\"}"; }""",
        "reserve ana | tee ana.json | jq -c '{userId, status, seatNumbers, total, currency}'",
        "reserve bruno | jq -c '{statusCode, code, message}'",
    ]),
    ("Ana pays; Bruno is too late", [
        "curl -sX POST localhost:3000/payments/confirm/$(jq -r .id ana.json) | jq -c '{paidAt, total}'",
        "reserve bruno | jq -c '{statusCode, code, message}'",
        "curl -s localhost:3000/seats/01900000-0000-7000-8000-000000100000 | jq -c '.[:3] | map(.status)'",
    ]),
]

# Foreground and background, the eight colours, the bright eight. Each has at least 4.5:1 on the ground.
THEME = TerminalTheme(
    (22, 27, 34),
    (230, 237, 243),
    [(139, 148, 158), (255, 123, 114), (126, 231, 135), (242, 204, 96)]
    + [(121, 192, 255), (210, 168, 255), (118, 227, 234), (230, 237, 243)],
)

# No web font: the reader's own monospaced one is stretched to the cells.
FORMAT = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" \
aria-labelledby="{unique_id}-name {unique_id}-text">
<title id="{unique_id}-name">%s</title>
<desc id="{unique_id}-text">%s</desc>
<style>
.{unique_id}-matrix {{
    font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace;
    font-size: {char_height}px;
    line-height: {line_height}px;
}}
.{unique_id}-title {{
    font-size: 18px;
    font-weight: bold;
    font-family: system-ui, sans-serif;
}}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
""" % (TITLE, DESCRIPTION)


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """The program on a terminal, which is where it prints its banner."""

    def __init__(self, program, folder, port):
        self.terminal, theirs = pty.openpty()
        environment = {"PATH": os.environ["PATH"], "TERM": "xterm-256color"}
        self.process = subprocess.Popen(
            [program, "serve", "--demo", "--locale", "en", "--port", str(port)],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
        )
        os.close(theirs)

    def banner(self):
        """The banner, read up to its last line."""
        printed = b""
        while b"ready in" not in printed or not printed.endswith(b"\n"):
            printed += os.read(self.terminal, 4096)
        lines = printed.decode().replace("\r", "").splitlines()
        first = next(i for i, line in enumerate(lines) if line.startswith("  poltrona "))
        last = next(i for i, line in enumerate(lines) if "ready in" in line)
        return lines[first : last + 1]

    def stop(self):
        """Ends it as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        try:
            while os.read(self.terminal, 4096):
                pass
        except OSError:
            # The terminal is closed when the program has ended.
            pass
        self.process.wait()


def outputs(folder, port):
    """What each command prints, in order."""
    commands = [command for _, step in STEPS for command in step]
    script = "".join(f"{command}\nprintf '\\036'\n" for command in commands)
    shell = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace("localhost:3000", f"localhost:{port}")],
        cwd=folder, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": folder},
        check=True, stdout=subprocess.PIPE, text=True,
    )
    return iter(shell.stdout.split("\036"))


def coloured(line):
    """A printed line, with what the story is about in colour."""
    text = Text(line)
    text.highlight_regex(r"http://\S+", "blue")
    text.highlight_regex(r'"PENDING"', "yellow")
    text.highlight_regex(r'"SOLD"|"paidAt":"[^"]+"|ready in .*', "green")
    text.highlight_regex(r'409|"seat_held"|"seat_sold"', "bold red")
    return text


def draw(banner, printed):
    """The terminal as an SVG."""
    console = Console(
        record=True, width=COLUMNS, file=io.StringIO(),
        force_terminal=True, color_system="truecolor", highlight=False,
    )

    def show(command, lines):
        line = Text.assemble(("$ ", "bold green"), (command, "bold"))
        assert len(line) <= COLUMNS, f"{len(line)} columns: {command}"
        console.print(line)
        for line in lines:
            console.print(coloured(line))

    show("cargo run --release -- serve --demo --locale en", banner)
    for heading, commands in STEPS:
        console.print(Text(f"\n# {heading}", "bright_black"))
        for command in commands:
            show(command, next(printed).splitlines())
    return console.export_svg(
        title="poltrona", theme=THEME, code_format=FORMAT, unique_id="tour", font_aspect_ratio=0.61
    )


def main():
    """Records, and writes the picture."""
    program, file = sys.argv[1:]
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(program, folder, port)
        try:
            banner = [line.replace(f":{port}", ":3000") for line in server.banner()]
            svg = draw(banner, outputs(folder, port))
        finally:
            server.stop()
    with open(file, "w", encoding="utf-8") as picture:
        picture.write(re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE))


main()
