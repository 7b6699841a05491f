"""The page that `zoo demo` opens, as gradio shows and serves it: zoo.demo answers, zoo.recordings keeps the class's clips.

    page    the four tabs, each wired to functions of those two
    serve   the page at an address, until Ctrl-C

gradio is imported here and nowhere else, and not before it is needed: the rest of the package does without.
"""

import asyncio
import html
import importlib.util
import ipaddress
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from zoo.audio import bundled
from zoo.demo import LONGEST, NOTHING, PICTURED, RATE, card_text, comparison, hear, listen, look, problem
from zoo.errors import ZooError, first_line
from zoo.recordings import check_folder, hear_word, next_step, recorded, save_clip
from zoo.registry import list_models

HOST, PORT, FOLDER = "127.0.0.1", 7860, "recordings"
UPLOAD = "200mb"  # ten minutes in stereo, so that they are refused with a sentence on their length, not their size
CLIPS = ("seven", "woman-us", "man-gb", "telephone")  # to try where there is no microphone
STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
# gradio lets STYLE reach only what is inside the page; its margins are not.
MARGINS = "<style>@media (max-width: 500px) {.gradio-container .main.app {padding: 8px 12px !important;}}</style>"

# Status lines are said aloud by screen readers when they change. Those of a tab are made when it is opened.
ALOUD = """() => {
  const unmarked = () => document.querySelectorAll('.block.zoo-status:not([role])');
  const mark = () => unmarked().forEach(line => line.setAttribute('role', 'status'));
  new MutationObserver(mark).observe(document.body, {childList: true, subtree: true});
  mark();
}"""

log = logging.getLogger(__name__)


# --- the page


def check_gradio() -> None:
    """Raises ZooError where gradio is not installed; said before seconds of importing it, and at once."""
    if importlib.util.find_spec("gradio") is None:
        raise ZooError('The page needs gradio, not installed here: pip install "speech-zoo[demo]".')


def _gradio():
    """gradio, told to keep to itself. Raises ZooError where it is not installed."""
    check_gradio()
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    import gradio

    return gradio


def sentence(error: Exception) -> str:
    """What the page says of an error; what nobody foresaw is written to the terminal in full."""
    if isinstance(error, ZooError):
        return " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror:  # a full disk, a folder without permission
        return f"{error.filename or 'The disk'}: {error.strerror}."
    log.exception("The page met what it did not expect")
    return (
        f"This went wrong in a way that nobody foresaw ({type(error).__name__}: {first_line(error)}). The page goes on."
    )


def guarded(answers: Iterator[dict[str, str]]) -> Iterator[dict[str, str]]:
    """The same answers; an error ends them with a sentence in the status line."""
    try:
        yield from answers
    except Exception as error:  # the server must outlive whatever it is given
        yield {"status": problem(sentence(error))}


def page(folder: str | Path = FOLDER):
    """The page as gradio.Blocks; clips of the tab "Record the class" go to `folder`. Raises ZooError without gradio."""
    gr, folder = _gradio(), check_folder(folder)
    with gr.Blocks(title="speech-zoo", analytics_enabled=False, delete_cache=(3600, 3600)) as blocks:
        gr.Markdown(
            "# speech-zoo\n"
            "Small speech models, and what they make of your voice. Nothing leaves the machine that runs this page."
        )
        with gr.Tabs(overflow_behavior="wrap"):
            with gr.Tab("Listen", elem_id="listen"):
                audio = _listen_tab(gr)
            with gr.Tab("Models", elem_id="models") as tab:
                _models_tab(gr, tab, audio)
            with gr.Tab("Compare", elem_id="compare") as tab:
                _compare_tab(gr, tab)
            with gr.Tab("Record the class", elem_id="class") as tab:
                _class_tab(gr, tab, folder)
    return blocks.queue(default_concurrency_limit=4)


def _wire(gr, events, answers, inputs, places: dict, mode: str = "always_last") -> None:
    """Let `answers(*inputs)`, an iterator of {place: HTML}, fill the places as it goes.

    Args: mode: of what comes while something else is answered: "always_last" answers it next, "once" forgets it.
    """

    def handler(*values):
        for changed in guarded(answers(*values)):
            yield [changed.get(name, gr.skip()) for name in places]

    outputs = list(places.values())
    gr.on(events, handler, inputs, outputs, trigger_mode=mode, show_progress="hidden", api_visibility="private")


def _places(gr, *names: str) -> dict:
    """Empty HTML by name; the one called status is a line of its own."""
    return {name: gr.HTML(elem_classes=[f"zoo-{name}"]) for name in names}


def _microphone(gr, label: str):
    return gr.Audio(
        sources=["microphone", "upload"], type="filepath", label=label, editable=False, buttons=[],
        waveform_options=gr.WaveformOptions(waveform_color="#0072B2", waveform_progress_color="#D55E00"),
    )  # fmt: skip


def _listen_tab(gr):
    audio = _microphone(gr, f"A recording of at most {LONGEST:g} seconds")
    with gr.Row(elem_classes=["zoo-clips"]):
        for name in CLIPS:
            gr.Button(f"Clip: {name}", size="sm", min_width=120).click(
                lambda name=name: str(bundled(name)), None, audio, show_progress="hidden", api_visibility="private"
            )
    places = _places(gr, "status", "words", "picture", "bars", "looks")

    def answers(path):
        if path is None:
            yield dict.fromkeys(places, "") | {"status": NOTHING}
        else:
            yield from listen(path)

    _wire(gr, [audio.change], answers, [audio], places)
    return audio


def _models_tab(gr, tab, audio) -> None:
    picker = gr.Dropdown(list_models(), value=PICTURED[-1], label="Model", filterable=False)
    places = _places(gr, "status", "picture")
    text = gr.Markdown(card_text(PICTURED[-1]), elem_classes=["zoo-wide"])

    def answers(name, path):
        yield {"status": f"{name} is drawing ...", "picture": ""}
        clip, samples = ("your clip", hear(path)) if path else (f"the clip {CLIPS[0]}", hear(bundled(CLIPS[0])))
        yield {"picture": look(name, samples), "status": f"What {name} makes of {clip}:"}

    picker.change(card_text, picker, text, show_progress="hidden", api_visibility="private")
    _wire(gr, [picker.change, tab.select], answers, [picker, audio], places)


def _compare_tab(gr, tab) -> None:
    places = _places(gr, "status", "comparison")

    def answers():
        yield {"status": "Drawing ..."}
        yield {"comparison": comparison(), "status": ""}

    _wire(gr, [tab.select], answers, None, places)


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
    places = _places(gr, "status", "counts") | {"next": gr.Markdown(elem_classes=["zoo-wide"])}

    def show():
        yield {"counts": recorded(folder), "next": next_step(folder)}

    def arrived(path):
        # The browser plays a recording before it has sent it; who saves in between is told so, and then that it is here.
        yield {"status": f"A clip of {len(hear_word(path)) / RATE:.1f} s is here: Save clip keeps it." if path else ""}

    def save(label, speaker, path):
        yield {"status": html.escape(f"Saved {save_clip(folder, label, speaker, path)}."), "audio": None}
        yield from show()

    _wire(gr, [tab.select], show, None, places)
    _wire(gr, [audio.stop_recording, audio.upload, audio.clear], arrived, [audio], places)
    # A second click while a clip is saved does not save it twice.
    _wire(gr, [button.click], save, [label, speaker, audio], places | {"audio": audio}, mode="once")


# --- and its server


class Policy:
    """ASGI middleware: the browser is told to load nothing from elsewhere, whatever a later gradio may ask for."""

    VALUE = (
        b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        b"img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "
        b"connect-src 'self' data: blob:; worker-src 'self' blob:; form-action 'self'"
    )

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        async def with_policy(message):
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"content-security-policy", self.VALUE)]
            await send(message)

        await self.app(scope, receive, with_policy if scope["type"] == "http" else send)


def is_local(address: str) -> bool:
    """Whether only programs on this machine reach an address."""
    return ipaddress.ip_address(address.split("%")[0]).is_loopback


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises ZooError for a host that is not this machine's, and for a port that is taken."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        listener = socket.socket(family, kind)
    except OSError:
        raise ZooError(f"--host is a name or an address of this machine, such as {HOST}; received {host!r}.") from None
    try:
        if os.name == "posix":  # elsewhere it would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise ZooError(
            f"The page cannot listen on {host}, port {port}: {(error.strerror or str(error)).lower()}. Is another "
            "`zoo demo` running? Choose a port with --port, or any free one with --port 0."
        ) from None
    return listener


def _cut_off(record: logging.LogRecord) -> bool:
    """Whether the server's log speaks of a connection that Ctrl-C has cut."""
    cancelled = record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError)
    return bool(cancelled) or "timeout graceful shutdown" in record.getMessage()


@contextmanager
def _uploads():
    """A folder for what users record, which is gone when the server ends."""
    before = os.environ.get("GRADIO_TEMP_DIR")
    with tempfile.TemporaryDirectory(prefix="zoo-demo-", ignore_cleanup_errors=True) as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        try:
            yield
        finally:
            os.environ.pop("GRADIO_TEMP_DIR")
            if before is not None:
                os.environ["GRADIO_TEMP_DIR"] = before


def app(blocks):
    """The page as an ASGI application, with fonts of the system and no request to anywhere else."""
    gr = _gradio()
    from fastapi import FastAPI

    theme = gr.themes.Base(
        primary_hue="blue", font=("system-ui", "sans-serif"), font_mono=("ui-monospace", "monospace")
    ).set(button_primary_background_fill="#0072B2", button_primary_background_fill_hover="#005A8C")
    mounted = gr.mount_gradio_app(
        FastAPI(), blocks, "/", theme=theme, css=STYLE, head=MARGINS, js=ALOUD, footer_links=[], run_history=False,
        ssr_mode=False, pwa=False, mcp_server=False, enable_monitoring=False, max_file_size=UPLOAD,
        allowed_paths=[str(bundled(CLIPS[0]).parent)],
    )  # fmt: skip
    return Policy(mounted)


def serve(
    host: str = HOST,
    port: int = PORT,
    folder: str | Path = FOLDER,
    browser: bool = False,
    say=print,
    prepare=lambda: None,
) -> None:
    """Serve the page until Ctrl-C.

    Args:
        host: where to listen; other addresses than this machine's own let others in, which is said.
        port: 0 for any that is free. folder: of the clips that are recorded. browser: whether to open one.
        say: called with each line for the user. prepare: called once the port is ours, before the page is.
    Raises: ZooError without gradio, for a port that is taken, a host that is not here, a folder that cannot be.
    """
    check_gradio()
    folder = check_folder(folder)
    logging.getLogger("tensorflow").setLevel("ERROR")  # it counts in warnings how often it compiled
    listener = bind(host, port)
    prepare()
    address, port = listener.getsockname()[:2]
    if threading.current_thread() is threading.main_thread():  # nothing that was recorded stays behind then either
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with listener, _uploads(), suppress(KeyboardInterrupt):
        import uvicorn

        application = app(page(folder))
        local = is_local(address)
        everywhere = ipaddress.ip_address(address).is_unspecified
        name = "localhost" if everywhere else f"[{address}]" if ":" in address else address
        if not local:
            say(
                f"Warning: whoever reaches {socket.gethostname() if everywhere else address}, port {port}, in the network"
                f" can use this page and save clips into {folder}: it has no password and no encryption. Browsers lend"
                " a microphone only to pages from localhost or by https; others can upload files."
            )
        say(f"The page is at http://{name}:{port} (Ctrl-C ends it).")
        if browser:
            webbrowser.open(f"http://{name}:{port}")
        # Pages keep a connection open for as long as they are shown, so it is cut and not waited for; that is no error.
        logging.getLogger("uvicorn.error").addFilter(lambda record: not _cut_off(record))
        config = uvicorn.Config(application, log_level="error", timeout_graceful_shutdown=1)
        uvicorn.Server(config).run(sockets=[listener])
    say("The page is closed.")
