"""The terms of the losses, each under its own name; rivals stand side by side with one signature."""
