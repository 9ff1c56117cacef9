"""A manifest becomes the same settings as the action's inputs.

The file is parsed within bounds, each node with its place; keys are checked against the table of inputs, `${KEY}` is
replaced in string values, and defaults, image and function are laid over each other, nearest first. Whatever is wrong
is told with file, line and column.
"""
