"""A page that runs models in the browser, on a phone too, offline, with nothing sent anywhere: `zoo web`.

    folder   models --export--> ONNX, beside the page's files and the runtime: a static folder
    engine   ONNX Runtime for browsers: from npm, or a folder
    server   the folder at an address of this machine

The page's own files lie in static/: app.js is all that it does.
"""

from zoo.web.folder import write
from zoo.web.server import serve

__all__ = ["serve", "write"]
