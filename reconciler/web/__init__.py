"""What the long-running reconciler shows of itself: health, metrics, logs."""
