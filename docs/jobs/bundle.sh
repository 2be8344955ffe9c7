#!/bin/bash
# Slurm, with a step before that packs the user's own modules: sbatch bundle.sh
#SBATCH --nodes=2 --ntasks-per-node=2 --time=00:10:00
set -eu
export PYTHON_MPI_PKGROOT=$SCRATCH/packages
python-mpi-bundle -o "$PYTHON_MPI_PKGROOT/code.tar.gz" --dir code --at site-packages
export PYTHON_MPI_PACKAGES=mine.tar.gz:code.tar.gz
srun python-mpi hello.py
