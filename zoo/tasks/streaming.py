"""Sound that is still going on: chunks of samples in, logits and words out, as soon as they are final.

    samples (n,) -> FrameBuffer (log-mel) -> fixed scale -> FrameBuffer (convolution)
                 -> [LSTM step by step -> FrameBuffer (look-ahead)] -> dense -> logits (k, symbols)
                 -> StreamingGreedyDecoder -> words

Every layer that looks at neighbours keeps the few rows that its next window still needs, every LSTM its state. So what
comes out is what the model gives for the whole recording, however it is cut into chunks, and memory grows by the text alone.

The layers are NumPy's (`_numpy_layers`): on one core they keep up with speech many times over (benchmarks/streaming.py).
"""

import keras
import numpy as np

from zoo import layers
from zoo.decoding.live import PartialTranscript, StreamingGreedyDecoder, microphone  # noqa: F401
from zoo.errors import ZooError
from zoo.tasks import _numpy_layers as numpy_layers


class Stream:
    """A model that gets one recording piece by piece.

    Args:
        model: Functional model whose layers are a chain; ZooError names one that needs the whole recording.

    >>> import zoo
    >>> stream = Stream(zoo.load("lstm_ctc_stream", weights=None, units=8))
    >>> sum(len(stream.advance(np.zeros(1600))) for _ in range(10)), len(stream.finish())  # the look-ahead comes last
    (23, 11)
    """

    def __init__(self, model: keras.Model):
        self.stages = [stage for layer in model.layers if (stage := _stage(layer, model.name))]

    def advance(self, samples: np.ndarray, last: bool = False) -> np.ndarray:
        """Take the next samples (n,) at the model's rate and return the logits (k, symbols) that are final now."""
        rows = np.asarray(samples, "float32")
        for stage in self.stages:
            rows = stage(rows, last)
        return rows

    def finish(self) -> np.ndarray:
        """Return the logits that waited for sound that does not follow."""
        return self.advance(np.zeros(0, "float32"), last=True)


def _stage(layer: keras.layers.Layer, model_name: str) -> numpy_layers.Stage | None:
    """The NumPy copy of a layer; None for one that does nothing to a single clip outside training."""
    match layer:
        case layers.LogMel(top_db=None) if type(layer) is layers.LogMel:  # and no MFCC
            return numpy_layers.log_mel(layer._window, layer._filters, layer.n_fft, layer.hop_length, layer.AMIN)
        case layers.Rescale():
            return lambda frames, last: frames * layer.scale + layer.offset
        case layers.StridedConv1D():
            return numpy_layers.convolution(*layer.conv.get_weights(), layer.stride)
        case keras.layers.LayerNormalization(center=True, scale=True):
            return numpy_layers.layer_norm(*layer.get_weights(), layer.epsilon)
        case keras.layers.ReLU(max_value=None, negative_slope=0.0, threshold=0.0):
            return lambda frames, last: np.maximum(frames, 0)
        case layers.ForwardLSTM():
            return numpy_layers.lstm(*layer.lstm.get_weights())
        case layers.LookAhead():
            return numpy_layers.look_ahead(*layer.get_weights())
        case keras.layers.Dense(activation=keras.activations.linear, use_bias=True, quantization_mode=None):
            kernel, bias = layer.get_weights()
            return lambda frames, last: frames @ kernel + bias
        case keras.layers.InputLayer() | layers.SpecAugment() | layers.MaskFrames() | keras.layers.Dropout():
            return None
    wrong = f"{layer.name} ({type(layer).__name__}) of {model_name}"
    raise ZooError(f"`model` must be one that streams, as lstm_ctc_stream is; {wrong} cannot.")
