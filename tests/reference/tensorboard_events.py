"""What TensorBoard reads in the event files of a folder, as JSON: steps and values of each scalar; steps, widths,
heights and bytes of each image.

    pip install tensorboard
    python tests/reference/tensorboard_events.py runs/student

packages/report/src/tensorboard/tensorboard.test.ts runs it where KD_PYTHON (default python3) has tensorboard.
"""
import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "images": 0})
events.Reload()
tags = events.Tags()
print(
    json.dumps(
        {
            "scalars": {tag: [[one.step, one.value] for one in events.Scalars(tag)] for tag in sorted(tags["scalars"])},
            "images": {
                tag: [[one.step, one.width, one.height, len(one.encoded_image_string)] for one in events.Images(tag)]
                for tag in sorted(tags["images"])
            },
        }
    )
)
