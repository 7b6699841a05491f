"""Old path of `zoo.tasks.few_shot`."""

from zoo.tasks.few_shot import FewShot, few_shot, vectors  # noqa: F401
