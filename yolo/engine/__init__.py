"""The training loop and its parts. Knows no cfg and no boxes: it can train any module on any loss."""
