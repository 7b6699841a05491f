"""The page that `zoo demo` opens.

zoo.demo.answers      what each model says of a clip, what is on its card, how the models compare
zoo.demo.recordings   collects the clips of a class as a data set
zoo.demo.page         shows and serves both with gradio
"""

from zoo.demo.page import FOLDER, HOST, PORT, serve

__all__ = ["FOLDER", "HOST", "PORT", "serve"]
