import click
@click.command()
def evaluate(): "x"
