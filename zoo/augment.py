from zoo.training.augment import AugmentConfig, add_noise, augment, excerpt, reverberate, speed, telephone  # noqa: F401
