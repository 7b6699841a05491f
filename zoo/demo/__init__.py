"""The page that `zoo demo` opens: `page` shows what `answers` says of a clip, and what `recordings` keeps of a class."""

from zoo.demo.page import FOLDER, HOST, PORT, serve  # noqa: F401
