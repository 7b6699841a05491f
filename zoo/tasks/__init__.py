"""What models do: one class a task, each a functional `keras.Model`.

SpeechModel              what all have: infer, logits, fit, save, export
  Recognizer             transcribe, align
    StreamingRecognizer  stream
  Classifier             classify, saliency
    Embedder             embed, verify
Ensemble                 several classifiers or recognizers as one
Rover                    recognizers that vote on each word
  Autoencoder            encode, reconstruct
    VariationalAutoencoder   sample, interpolate
    Denoiser             denoise
  SpeechDetector         detect
FewShot                  a classifier from a few recordings of each word
"""

# ruff: noqa: F401
from zoo.clips import pad
from zoo.tasks.autoencoder import Autoencoder, VariationalAutoencoder
from zoo.tasks.base import SpeechModel, compile_model
from zoo.tasks.classifier import Classifier, Embedder
from zoo.tasks.denoiser import Denoiser
from zoo.tasks.detector import SpeechDetector
from zoo.tasks.ensemble import Ensemble, RecognizerEnsemble
from zoo.tasks.few_shot import FewShot, few_shot
from zoo.tasks.recognizer import Recognizer, StreamingRecognizer
from zoo.tasks.rover import Rover
