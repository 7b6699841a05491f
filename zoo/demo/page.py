"""The page of `zoo demo`: tabs of gradio components, each wired to functions of zoo.demo.answers and .recordings."""

import html
import importlib.util
import os
import socket
import tempfile
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import zoo
from zoo.audio import bundled
from zoo.demo import answers, recordings
from zoo.demo.answers import MAX_SECONDS, RATE, Doubtful, Picture
from zoo.errors import ZooError

HOST, PORT, FOLDER = "127.0.0.1", 7860, "recordings"
MAX_UPLOAD = "200mb"  # ten minutes in stereo of 24 bits, so that a long clip is refused for its length, not its size
EXAMPLES = ("seven", "woman-us", "man-gb", "telephone")
# One question at a time: networks and matplotlib are not made for several threads.
QUEUE = {"concurrency_id": "models", "show_progress": "hidden", "api_visibility": "private"}
# Screen readers say a status line aloud when it changes. Those of a tab are made when it is opened.
ALOUD = """() => {
  const mark = () => document.querySelectorAll('.block.zoo-status:not([role])').forEach(e => e.setAttribute('role', 'status'));
  new MutationObserver(mark).observe(document.body, {childList: true, subtree: true});
  mark();
}"""


def check_gradio() -> None:
    """Raises a ZooError where gradio is not installed, before seconds of importing it."""
    if importlib.util.find_spec("gradio") is None:
        raise ZooError('The page needs gradio, which is not installed: pip install "speech-zoo[demo]".')


def _gradio() -> Any:
    """gradio, told to keep to itself."""
    check_gradio()
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    import gradio

    return gradio


def build_page(folder: str | Path = FOLDER) -> Any:
    """Builds the page, a gradio.Blocks; the tab "Record the class" keeps its clips in `folder`."""
    gr, folder = _gradio(), recordings.check_folder(folder)
    with gr.Blocks(title="speech-zoo", analytics_enabled=False, delete_cache=(600, 3600)) as blocks:
        gr.Markdown(
            "# speech-zoo\nSmall speech models answer to your voice. Your recordings stay on the machine that runs this page."
        )
        with gr.Tabs(overflow_behavior="wrap"):
            with gr.Tab("Listen", elem_id="listen"):
                audio = _listen_tab(gr)
            with gr.Tab("Models", elem_id="models", render_children=True) as tab:
                _models_tab(gr, tab, audio)
            with gr.Tab("Compare", elem_id="compare", render_children=True) as tab:
                _compare_tab(gr, tab)
            with gr.Tab("Record the class", elem_id="class", render_children=True) as tab:
                _class_tab(gr, tab, folder)
    return blocks


def guarded(changes: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Passes on values by the name of a component; an error ends them with a sentence in the status line."""
    try:
        yield from changes
    except ZooError as error:
        yield {"status": f"**Error**: {' '.join(str(error).split())}"}
    except OSError as error:  # a full disk, a folder without permission
        yield {"status": f"**Error**: {error.filename or 'The disk'}: {error.strerror}."}


def _wire(gr, events, changes, inputs, components: dict, mode: str = "always_last") -> None:
    """Lets `changes(*inputs)`, an iterator of values by name, fill the components as it goes."""

    def handler(*values):
        for changed in guarded(changes(*values)):
            if "status" in changed:
                changed["status"] = _status(changed["status"])
            shown = {name: gr.skip() for name in components} | changed
            yield [_shown(gr, components[name], value) for name, value in shown.items()]

    gr.on(events, handler, inputs, list(components.values()), trigger_mode=mode, **QUEUE)


def _shown(gr, component, value: Any) -> Any:
    """A value as gradio takes it: pictures have a description, doubtful answers are grey until the next question."""
    if isinstance(value, Picture):
        return gr.Image(value.image, alt_text=value.alt)
    if isinstance(value, Doubtful):
        return gr.update(value=value.value, label=f"{component.label}: in doubt", elem_classes=["zoo-doubtful"])
    if value is None and isinstance(component, gr.Label | gr.HighlightedText):
        return gr.update(value=None, label=component.label, elem_classes=[])
    return value


def _status(text: str) -> str:
    """A status line as HTML, in which names of files stay text."""
    kind = "zoo-error" if text.startswith("**Error**: ") else ""
    return f'<p class="{kind}">{html.escape(text.removeprefix("**Error**: "))}</p>'


def _microphone(gr, label: str) -> Any:
    return gr.Audio(sources=["microphone", "upload"], type="filepath", label=label, editable=False, buttons=[])


def _image(gr) -> Any:
    return gr.Image(
        show_label=False, format="png", interactive=False, buttons=["fullscreen"], elem_classes=["zoo-image"]
    )


def _listen_tab(gr) -> Any:
    audio = _microphone(gr, f"A recording of at most {MAX_SECONDS / 60:g} minutes")
    clips = [str(bundled(name)) for name in EXAMPLES]
    gr.Examples(clips, audio, label="Examples", example_labels=[f"Clip: {name}" for name in EXAMPLES])
    components = {"status": gr.HTML(elem_classes=["zoo-status"])}
    with gr.Row():
        for name in answers.models_for("transcription"):
            components[name] = gr.HighlightedText(
                label=f"{name} (red: unsure)", min_width=300, show_legend=False, combine_adjacent=False
            )
    components["picture"] = _image(gr)
    with gr.Row():
        for name in answers.models_for("classification"):
            components[name] = gr.Label(
                label=answers.heading(name), num_top_classes=3, min_width=200, show_heading=False
            )

    def changes(path):
        if path is None:
            yield dict.fromkeys(components) | {"status": answers.NO_CLIP}
        else:
            yield from answers.listen(path)

    _wire(gr, [audio.change], changes, [audio], components)
    return audio


def _models_tab(gr, tab, audio) -> None:
    names = zoo.list_models()
    picker = gr.Dropdown(names, value=names[0], label="Model", filterable=False)
    components = {"status": gr.HTML(elem_classes=["zoo-status"]), "picture": _image(gr)}
    text = gr.Markdown(answers.card_text(names[0]), elem_classes=["zoo-card"])

    def changes(name, path):
        yield {"status": f"{name} is drawing ...", "picture": None}
        picture = answers.draw(name, answers.hear(path or bundled(EXAMPLES[0])))
        clip = "your clip" if path else f"the clip {EXAMPLES[0]}"
        done = f"{name} on {clip}:" if picture else f"{name} has no picture of a clip."
        yield {"status": done, "picture": picture}

    picker.change(answers.card_text, picker, text, **QUEUE)
    _wire(gr, [picker.change, tab.select], changes, [picker, audio], components)


def _compare_tab(gr, tab) -> None:
    gr.Markdown("Accuracy of the classifiers of digits with 95 % intervals, from their cards.")
    table = gr.Dataframe(headers=list(answers.COLUMNS), interactive=False, label="Accuracy", buttons=[])
    image = _image(gr)

    def fill():
        rows, picture = answers.comparison()
        return rows, gr.Image(picture.image, alt_text=picture.alt)

    tab.select(fill, None, [table, image], **QUEUE)


def _class_tab(gr, tab, folder: Path) -> None:
    gr.Markdown(
        f"Collect clips of single words, a few by each person. They are kept in `{folder.absolute()}` on the machine "
        "that runs this page, as 16 kHz WAV: ask before you record somebody."
    )
    with gr.Row():
        label = gr.Textbox(label="Label: the word that is said", max_length=60)
        speaker = gr.Textbox(label="Speaker: a short name or number", max_length=60)
    audio = _microphone(gr, "The word, once")
    button = gr.Button("Save clip", variant="primary")
    components = {"status": gr.HTML(elem_classes=["zoo-status"])}
    components["counts"] = gr.Dataframe(interactive=False, label="Clips of each label, by speaker", buttons=[])
    components["next"] = gr.Markdown(elem_classes=["zoo-card"])

    def show():
        headers, rows = recordings.counts(folder)
        yield {"counts": {"headers": headers, "data": rows}, "next": recordings.next_step(folder)}

    def arrived(path):
        # A browser plays a recording before it has sent it: this line says when Save clip will find it.
        seconds = len(recordings.hear_word(path)) / RATE if path else 0
        yield {"status": f"A clip of {seconds:.1f} s is here: Save clip keeps it." if path else ""}

    def save(label, speaker, path):
        yield {"status": f"Saved {recordings.save_clip(folder, label, speaker, path)}.", "audio": None}
        yield from show()

    _wire(gr, [tab.select], show, None, components)
    _wire(gr, [audio.stop_recording, audio.upload, audio.clear], arrived, [audio], components)
    # A second click while a clip is saved does not save it twice.
    _wire(gr, [button.click], save, [label, speaker, audio], components | {"audio": audio}, mode="once")


def check_address(host: str, port: int) -> socket.socket:
    """Opens the socket at which the page is served; 0 is any free port. Raises a ZooError where that cannot be."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        given = (
            f"host={host!r}, port={port} ({error.strerror}). Does another program listen there? Port 0 is any free one"
        )
        raise ZooError(f"`port` must be free and `host` an address of this machine. Received: {given}.") from None
    return listener


def application(blocks: Any, host: str) -> Any:
    """The page as an ASGI application that answers nobody but itself."""
    import fastapi
    from fastapi.middleware.cors import CORSMiddleware

    from zoo.demo.guard import LOCAL, Guard

    gr = _gradio()
    theme = gr.themes.Base(font="system-ui", font_mono="ui-monospace")  # no fonts from elsewhere
    app = fastapi.FastAPI(openapi_url=None)
    app.add_middleware(CORSMiddleware, allow_origins=[])  # with one, gradio adds no permissions of its own
    app.add_middleware(Guard, local=host in LOCAL)
    return gr.mount_gradio_app(
        app, blocks, "/", server_name=host, max_file_size=MAX_UPLOAD, ssr_mode=False, footer_links=[],
        css_paths=Path(__file__).with_name("page.css"), js=ALOUD,
        theme=theme.set(button_primary_background_fill="#0072B2", button_primary_text_color="white"),
    )  # fmt: skip


def serve(
    host: str = HOST, port: int = PORT, folder: str | Path = FOLDER, browser: bool = False, say: Callable = print
) -> None:
    """Serves the page until Ctrl-C. Another host than this machine's own lets others in, which is said by `say`."""
    import uvicorn

    from zoo.demo.guard import LOCAL

    check_gradio()
    folder, listener = recordings.check_folder(folder), check_address(host, port)
    url = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}/"
    # What users record lies in a folder that is gone when the server ends.
    with listener, tempfile.TemporaryDirectory(prefix="zoo-demo-", ignore_cleanup_errors=True) as uploads:
        os.environ["GRADIO_TEMP_DIR"] = uploads
        server = uvicorn.Server(uvicorn.Config(application(build_page(folder), host), log_level="warning"))
        if host not in LOCAL:
            say(
                f"Warning: all who reach {socket.gethostname()} can use this page and save clips into {folder}, without "
                "password or encryption. Browsers lend a microphone only to pages from localhost or by https."
            )
        listener.listen()
        say(f"The page is at {url} (Ctrl-C ends it).")
        if browser:
            webbrowser.open(url)
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
    say("The page is closed.")
