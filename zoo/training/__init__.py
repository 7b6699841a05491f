"""How a model learns.

config       the settings of a run, checked
corpus       utterances with their targets
augment      one recording made into many
batches      what `fit` sees, from a seed
warm_start   random, bundled or somebody's weights
teacher      a loss that another model has a say in
callbacks    validation, learning curves, checkpoint, time budget: for anybody's `fit`
run          the folder
train        all of it, in one function
tune         the settings of a run, searched for
language     models of text alone
"""

# ruff: noqa: F401
from zoo.training.batches import EpochBatches
from zoo.training.callbacks import Checkpoint, LearningCurves, TimeBudget, Validation
from zoo.training.config import BUCKET_BOUNDARIES, AugmentConfig, TrainConfig
from zoo.training.corpus import Corpus, load_corpora
from zoo.training.language import train_language_model
from zoo.training.teacher import Distiller
from zoo.training.train import train
from zoo.training.tune import tune
