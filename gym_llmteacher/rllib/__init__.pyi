# Public names of this room, once: `__init__.py` loads from here, type checkers read it.
from .algorithm import TeacherPPO as TeacherPPO
from .config import TeacherPPOConfig as TeacherPPOConfig
from .env import TaughtEnv as TaughtEnv
from .modules import EgoMapRLModule as EgoMapRLModule
from .ray_teacher import RayTeacher as RayTeacher
