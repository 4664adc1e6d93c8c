"""The commands of ``shopcrm``, one module per subject; `target_shopcrm.cli` finds them by name."""
