"""The bulk jobs and the operator's commands: loads, publishing, synthetic dumps, the demo."""
