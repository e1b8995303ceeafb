"""Files that hold what was said or done, read as messages for `Clew.record`: chats, transcripts, notes, mail, a git history."""

from clew.readers.git import git_log
from clew.readers.sniff import FORMATS, read

__all__ = ["FORMATS", "git_log", "read"]
