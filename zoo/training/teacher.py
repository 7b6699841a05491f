"""Learning from a teacher: what a trained model holds for how likely, besides what is right (Hinton et al. 2015).

A label says "seven". The teacher says 0.9 seven, 0.08 eleven, 0.0001 two: which words are alike, of every clip and each variation of it.
A network too small to find that in the labels can still learn it from a larger one, or from several (`--teacher "a+b+c"`). A
recognizer has one teacher, which says it of each frame: several write a letter in different frames (`zoo.decoding.combination`).

Source: G. Hinton, O. Vinyals, J. Dean, "Distilling the knowledge in a neural network", 2015 (arxiv.org/abs/1503.02531).
"""

from keras import ops

from zoo import loading
from zoo.errors import ZooError
from zoo.losses import distillation
from zoo.tasks import Classifier, Recognizer, RecognizerEnsemble, SpeechModel

# Fields of the Config without which logits cannot be compared.
SAME = {Recognizer: ("sample_rate", "vocabulary", "frame_seconds"), Classifier: ("sample_rate", "labels")}


class Distiller(SpeechModel):
    """A model of the student's class that shares its layers, so that both are fitted; the teacher has a share in the loss.

    Args:
        student: A Recognizer or a Classifier.
        teacher: A trained one, or the name of one or several ("a+b"), with the student's vocabulary and frames, or labels.
        temperature: Of both softmaxes in `zoo.losses.distillation`.
        share: Of the teacher in the loss, 0 to 1; the rest is the student's own loss.

    >>> import zoo
    >>> student = zoo.load("lstm_ctc_stream", weights=None, units=4)
    >>> learner = Distiller(student, "lstm_ctc")
    >>> learner.compile("adamw")
    """

    def __new__(cls, student: SpeechModel, *args, **kwargs):
        return super().__new__(type(cls.__name__, (cls, type(student)), {}))

    def __init__(self, student: SpeechModel, teacher: SpeechModel | str, temperature: float = 1.0, share: float = 0.5):
        teacher = loading.load(teacher) if isinstance(teacher, str) else teacher
        _check(student, teacher)
        super(SpeechModel, self).__init__(student.input, student.output, name=student.name)  # as any functional model
        self.architecture, self.config, self.preset = student.architecture, student.config, student.preset
        self._temperature, self._share = temperature, share
        # A function, so that Keras does not take the teacher for a layer to train and to save.
        self._ask_teacher = lambda x: ops.stop_gradient(teacher(x, training=False)["logits"])

    def utterance_losses(self, x, y, outputs):
        divergence = distillation(self._ask_teacher(x), outputs["logits"], outputs.get("lengths"), self._temperature)
        return (1 - self._share) * super().utterance_losses(x, y, outputs) + self._share * divergence


def _check(student: SpeechModel, teacher: SpeechModel) -> None:
    """Raises ZooError where one cannot teach the other."""
    kind = next((kind for kind in SAME if isinstance(student, kind)), None)
    if kind is None:
        raise ZooError(f"`student` must be a recognizer or classifier. Received: {student.display_name}.")
    if not isinstance(teacher, kind):
        what = "a recognizer" if kind is Recognizer else "a classifier"
        raise ZooError(f"`teacher` must be {what}. Received: {getattr(teacher, 'display_name', teacher)}.")
    if isinstance(teacher, RecognizerEnsemble):
        rule = "must be one recognizer, since several write a letter in different frames"
        raise ZooError(f"`teacher` {rule}. Received: {teacher.display_name}.")
    for field in SAME[kind]:
        if getattr(teacher.config, field) != getattr(student.config, field):
            received = f"{teacher.display_name} with {getattr(teacher.config, field)!r:.60}"
            raise ZooError(f"`teacher` must have the {field} of {student.display_name}. Received: {received}.")
