"""Files that hold what was said or done, read as messages for `Clew.record`: chats, other memories, transcripts, documents, mail."""

from clew.readers.files import Left
from clew.readers.git import git_log
from clew.readers.importing import imported
from clew.readers.sniff import FORMATS, read

__all__ = ["FORMATS", "Left", "git_log", "imported", "read"]
