"""Runs a command in a terminal: terminal.py WIDTHS OUT COMMAND...

WIDTHS is N, or N,M: the window has N columns until an epoch's line has been drawn 5 times, then M. OUT gets the
bytes that came. Exit code of the command."""
import fcntl
import os
import pty
import struct
import sys
import termios


def set_width(terminal, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))


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
        try:
            part = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            part = b""
        if not part:
            break
        got += part
        if widths and got.count(b"\repoch") >= 5:
            set_width(terminal, widths.pop(0))
            got += b"\n<changed>\n"
    with open(sys.argv[2], "wb") as file:
        file.write(got)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


sys.exit(main())
