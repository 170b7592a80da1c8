"""Runs the Python that exports of torch come with, and prints what the models find on one image, as JSON.

    python torch_models.py FOLDER

FOLDER holds cases.json, a list of { name, family, image: [height, width] }, and for each NAME.py, which `kd export` printed,
and NAME.rgb, the pixels. mmcv's compiled operators are not needed: torchvision has the same under other names.
"""
import json
import os
import sys
import types

import torch
import torchvision
from torch import nn


def without_compiled_operators():
    import mmcv

    class Names(types.ModuleType):
        def __getattr__(self, name):
            if name.startswith("__"):
                raise AttributeError(name)
            setattr(self, name, type(name, (nn.Module,), {}))
            return getattr(self, name)

    def batched_nms(boxes, scores, idxs, nms_cfg, class_agnostic=False):
        apart = boxes if class_agnostic else boxes + (idxs.to(boxes) * (boxes.max() + 1))[:, None]
        keep = torchvision.ops.nms(apart, scores, nms_cfg["iou_threshold"])
        return torch.cat((boxes[keep], scores[keep, None]), dim=1), keep

    class RoIAlign(nn.Module):
        def __init__(self, output_size, spatial_scale=1.0, sampling_ratio=0, aligned=True):
            super().__init__()
            self.options = dict(
                output_size=output_size, spatial_scale=spatial_scale, sampling_ratio=sampling_ratio, aligned=aligned
            )
            self.output_size = (output_size, output_size)

        def forward(self, x, rois):
            return torchvision.ops.roi_align(x, rois, **self.options)

    ops = Names("mmcv.ops")
    ops.__path__ = []
    ops.batched_nms, ops.RoIAlign = batched_nms, RoIAlign
    mmcv.ops = sys.modules["mmcv.ops"] = ops
    for part in ("nms", "roi_align", "roi_pool", "modulated_deform_conv", "deform_conv", "carafe", "merge_cells",
                 "focal_loss", "multi_scale_deform_attn", "point_sample", "corner_pool", "masked_conv"):
        module = sys.modules["mmcv.ops." + part] = Names("mmcv.ops." + part)
        if part == "nms":
            module.batched_nms = batched_nms


def detections(family, variables, pixels):
    if family == "torchvision":
        found = variables["model"]([pixels.permute(2, 0, 1).float() / 255])[0]
        return found["boxes"], found["scores"], found["labels"]
    from mmdet.structures import DetDataSample

    height, width = pixels.shape[:2]
    sample = DetDataSample(
        metainfo=dict(img_shape=(height, width), ori_shape=(height, width), scale_factor=(1.0, 1.0), img_id=0)
    )
    # Images are opened blue first there.
    batch = dict(inputs=[pixels.flip(2).permute(2, 0, 1)], data_samples=[sample])
    found = variables["detector"].test_step(batch)[0].pred_instances
    return found.bboxes, found.scores, found.labels


def main(folder):
    os.chdir(folder)
    with open("cases.json") as file:
        cases = json.load(file)
    if any(case["family"] == "mmdet" for case in cases):
        without_compiled_operators()
    results = {}
    for case in cases:
        variables = {}
        try:
            with open(case["name"] + ".py") as file:
                exec(compile(file.read(), case["name"] + ".py", "exec"), variables)
            with open(case["name"] + ".rgb", "rb") as file:
                pixels = torch.frombuffer(bytearray(file.read()), dtype=torch.uint8).reshape(*case["image"], 3)
            with torch.no_grad():
                boxes, scores, labels = detections(case["family"], variables, pixels)
            results[case["name"]] = dict(boxes=boxes.tolist(), scores=scores.tolist(), labels=labels.tolist())
        except Exception as error:
            results[case["name"]] = dict(error=f"{type(error).__name__}: {error}")
    print("RESULT " + json.dumps(results))


main(sys.argv[1])
