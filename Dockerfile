# JupyterLab and the demo page, with the versions that the tests run with. Binder and Codespaces use it too.
#     docker build -t speech-zoo . && docker run --rm -p 8888:8888 speech-zoo
FROM python:3.12-slim

# PortAudio lets sounddevice be imported; espeak-ng and flite speak the synthetic data sets.
RUN apt-get update && apt-get install -y --no-install-recommends espeak-ng flite git libportaudio2 \
    && rm -rf /var/lib/apt/lists/*

# Binder runs the container as this user.
ARG NB_USER=student
ARG NB_UID=1000
ENV HOME=/home/${NB_USER}
RUN useradd --create-home --uid ${NB_UID} ${NB_USER}

COPY --chown=${NB_UID} . ${HOME}/speech-zoo
WORKDIR ${HOME}/speech-zoo
RUN pip install --no-cache-dir -c constraints.txt -e ".[demo,notebooks]"

USER ${NB_USER}
EXPOSE 8888 7860
CMD ["jupyter", "lab", "--ip=0.0.0.0", "--no-browser", "notebooks"]
