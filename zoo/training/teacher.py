"""Learning from a teacher: what a trained recognizer thinks of each frame, besides what is written (Hinton et al. 2015)."""

from keras import ops

from zoo import loading
from zoo.errors import ZooError
from zoo.losses import distillation
from zoo.tasks import Recognizer, SpeechModel

SAME = ("sample_rate", "vocabulary", "frame_seconds")  # fields of the Config without which frames cannot be compared


class Distiller(Recognizer):
    """A model that shares its layers with a student, so that both are fitted; the loss has the divergence from a teacher in it.

    The teacher is a trained Recognizer, or the name of one, with the vocabulary and the frames of the student.

    >>> import zoo
    >>> student = zoo.load("lstm_ctc_stream", weights=None, units=4)
    >>> learner = Distiller(student, "lstm_ctc")
    >>> learner.compile("adamw")
    """

    def __init__(self, student: SpeechModel, teacher: SpeechModel | str):
        teacher = loading.load(teacher) if isinstance(teacher, str) else teacher
        for argument, model in (("teacher", teacher), ("student", student)):
            if not isinstance(model, Recognizer):
                raise ZooError(f"`{argument}` must be a recognizer. Received: {getattr(model, 'display_name', model)}.")
        for field in SAME:
            if getattr(teacher.config, field) != getattr(student.config, field):
                received = f"{teacher.display_name} with {getattr(teacher.config, field)!r:.60}"
                raise ZooError(f"`teacher` must have the {field} of {student.display_name}. Received: {received}.")
        super(SpeechModel, self).__init__(student.input, student.output, name=student.name)  # as any functional model
        self.architecture, self.config, self.preset = student.architecture, student.config, student.preset
        # A function, so that Keras does not take the teacher for a layer to train and to save.
        self._ask_teacher = lambda x: ops.stop_gradient(teacher(x, training=False)["logits"])

    def utterance_losses(self, x, y, outputs):
        divergence = distillation(self._ask_teacher(x), outputs["logits"], outputs["lengths"])
        return super().utterance_losses(x, y, outputs) + divergence
