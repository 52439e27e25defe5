"""Runs a vendor's project: the same code under `mp dev`, `mp validate`, the local provider and RunPod.

A project is a folder with `service.yaml` and `handler.py`, whose `Handler` answers calls, and for training `train.py`.
"""

from mercato_cli.runner.calls import Call, Refused

__all__ = ["Call", "Refused"]
