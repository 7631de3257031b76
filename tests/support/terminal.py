"""Runs a command in a terminal: terminal.py WIDTHS OUT COMMAND...

WIDTHS is N, or N,M: the window has N columns until an epoch's line has been drawn 5 times, then M. OUT gets the
bytes that came. Exit code of the command."""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios


def set_width(terminal, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))


def read_part(terminal):
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other end is closed
        return b""


def change_width(child, terminal, columns):
    """Returns what was drawn before; the child stands still meanwhile, so that it draws nothing between."""
    drawn = b""
    os.kill(child, signal.SIGSTOP)
    os.waitid(os.P_PID, child, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    while select.select([terminal], [], [], 0.2)[0]:
        part = read_part(terminal)
        if not part:
            break
        drawn += part
    set_width(terminal, columns)
    os.kill(child, signal.SIGCONT)
    return drawn + b"\n<changed>\n"


def main():
    widths = [int(text) for text in sys.argv[1].split(",")]
    go, may_go = os.pipe()
    child, terminal = pty.fork()
    if child == 0:
        os.read(go, 1)  # the window has its width first
        os.execvp(sys.argv[3], sys.argv[3:])
    set_width(terminal, widths.pop(0))
    os.write(may_go, b"!")
    got = b""
    while True:
        part = read_part(terminal)
        if not part:
            break
        got += part
        if widths and got.count(b"\repoch") >= 5:
            got += change_width(child, terminal, widths.pop(0))
    with open(sys.argv[2], "wb") as file:
        file.write(got)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


sys.exit(main())
