"""interrupt.py COMMAND...: runs a search on a terminal, sends Ctrl-C once its bar has moved, and prints what it showed, a line for
each state of the terminal's line, and its exit code."""
import os
import pty
import re
import signal
import subprocess
import sys

PATIENCE = 300  # seconds until a search that hangs is given up
signal.alarm(PATIENCE)
terminal, its_end = pty.openpty()
search = subprocess.Popen(sys.argv[1:], stderr=its_end)
os.close(its_end)
shown, is_asked = "", False
while True:
    try:
        some = os.read(terminal, 4096)
    except OSError:  # nobody holds the other end
        break
    if not some:
        break
    shown += some.decode()
    if not is_asked and re.search(r"\] [1-9]\d*/", shown):
        search.send_signal(signal.SIGINT)
        is_asked = True
print(shown.replace("\r", "\n"))
print("exit code", search.wait())
