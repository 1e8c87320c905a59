#!/bin/sh
# A taught student in rl-zoo3: train it, play, and film it.
# A minute: sh examples/zoo.sh [frames] [folder]. Needs pip install "gym-llmteacher[zoo]";
# without --teacher the embedded language model teaches ([zoo,local]).
set -eu
frames=${1:-15000}
folder=${2:-runs/zoo}
what="--algo teacher_ppo --env LLMTeacher/SimpleDoorKey-v0 -f $folder"

python -m gym_llmteacher.zoo train $what -n "$frames" --eval-freq 7500 --seed 1 \
    --teacher script:door_key_planner
python -m gym_llmteacher.zoo enjoy $what -n 1000 --no-render    # no teacher here
python -m gym_llmteacher.zoo record_video $what -n 100
