"""Where peers run: KD_BENCH_DEVICE (cpu, cuda), and KD_BENCH_AMP (bf16, fp16), which on a card is autocast with, for fp16, a scaled loss. TF32 as NVIDIA_TF32_OVERRIDE says, on both sides."""
import os

import torch

DEVICE = torch.device(os.environ.get("KD_BENCH_DEVICE", "cpu"))
AMP = {None: None, "bf16": torch.bfloat16, "fp16": torch.float16}[os.environ.get("KD_BENCH_AMP") or None]
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
# Shapes stay as they are; TensorFlow, too, tries which kernel is fastest.
torch.backends.cudnn.benchmark = True
_scaler = torch.amp.GradScaler(DEVICE.type, enabled=AMP is torch.float16)


def autocast():
    return torch.autocast(DEVICE.type, dtype=AMP, enabled=AMP is not None)


def update(losses, optimiser):
    """Backward, and the optimiser's step."""
    optimiser.zero_grad(set_to_none=True)
    _scaler.scale(sum(losses.values())).backward()
    _scaler.step(optimiser)
    _scaler.update()


def on_device(images, targets):
    return [image.to(DEVICE) for image in images], [{key: value.to(DEVICE) for key, value in one.items()} for one in targets]
