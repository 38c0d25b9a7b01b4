/*
 * Identity: a node is a row of the tree and the object it belongs to. Its inode
 * number is made of both, so it is unique for ever and needs no table. The
 * numbers of rows are written out because they are permanent: clients of NFS
 * keep them, so never change or reuse one. An object that stands in a fixed
 * directory has the number of that directory's row as its parent.
 */
#ifndef PRIMO_NODE_H
#define PRIMO_NODE_H

#include <stdint.h>

enum tree_no {
    TREE_ROOT = 1,
    TREE_README = 2,
    TREE_OVERVIEW = 3,
    TREE_ERRORS = 4,
    TREE_EVENTS = 5,
    TREE_TEMPLATE_EXAMPLE = 6,
    TREE_OVERVIEW_JSON = 7,
    TREE_SERVICE_EXAMPLE = 15,
    TREE_TEMPLATES = 16,
    TREE_MACHINES = 17,
    TREE_PROCESSES = 18,
    TREE_MODELS = 19,
    TREE_TYPES = 20,
    TREE_BASES = 21,
    TREE_ROLES = 22,
    TREE_SERVICES = 23,
    TREE_INFERENCES = 24,
    TREE_TEMPLATE = 32,
    TREE_MACHINE = 33,
    TREE_TYPE = 34,
    TREE_BASE = 35,
    TREE_ROLE = 36,
    TREE_SERVICE = 37,
    TREE_PROCESS = 48,
    TREE_P_TEMPLATE = 49,
    TREE_P_START = 50,
    TREE_P_STOP = 51,
    TREE_P_RESUME = 52,
    TREE_P_ENABLED = 53,
    TREE_P_STATUS = 54,
    TREE_P_WAIT = 55,
    TREE_P_PROGRESS = 56,
    TREE_P_ETA = 57,
    TREE_P_INFO = 58,
    TREE_P_METRICS = 59,
    TREE_P_MONITOR_SVG = 60,
    TREE_P_MONITOR_HTML = 61,
    TREE_P_CONFIG = 62,
    TREE_P_DATASET = 63,
    TREE_P_LOG = 64,
    TREE_P_MODEL = 65,
    TREE_P_PREDICTIONS = 70,
    TREE_P_CLASSES = 71,
    TREE_P_CONFUSION = 72,
    TREE_P_MISTAKES = 73,
    TREE_P_THRESHOLDS = 74,
    TREE_P_INFO_JSON = 75,
    TREE_P_QUEUE = 76,
    TREE_P_ASIDE = 77,
    TREE_P_JOB = 78,
    TREE_FAMILY = 96,
    TREE_LATEST = 97,
    TREE_VERSIONS = 98,
    TREE_VERSION = 112,
    TREE_V_ONNX = 113,
    TREE_V_SAFETENSORS = 114,
    TREE_V_LABELS = 115,
    TREE_V_INFO = 116,
    TREE_V_METRICS = 117,
    TREE_V_MONITOR_SVG = 118,
    TREE_V_CONFIG = 119,
    TREE_V_DATASET = 120,
    TREE_V_TEMPLATE = 121,
    TREE_V_LOG = 122,
    TREE_V_CARD = 123,
    TREE_V_PREDICTIONS = 124,
    TREE_V_CLASSES = 125,
    TREE_V_CONFUSION = 126,
    TREE_V_CONFUSION_SVG = 127,
    TREE_V_MISTAKES = 128,
    TREE_V_MISTAKES_HTML = 129,
    TREE_V_THRESHOLDS = 130,
    TREE_SERVING = 160,
    TREE_I_IN = 161,
    TREE_I_OUT = 162,
    TREE_I_SORTED = 163,
    TREE_I_RESULTS = 164,
    TREE_I_START = 165,
    TREE_I_STOP = 166,
    TREE_I_ENABLED = 167,
    TREE_I_STATUS = 168,
    TREE_I_INFO = 169,
    TREE_I_QUEUE = 170,
    TREE_I_LOG = 171,
    TREE_I_WAIT = 172,
    TREE_I_ASIDE = 173,
    TREE_I_INFO_JSON = 174,
    TREE_I_MONITOR = 175,
    TREE_LIST_ROWS = 179, /* before the answers: rm -r removes it first */
    TREE_REQUEST = 180,
    TREE_ANSWER = 181,
    TREE_AWAITED = 182,
    TREE_CLASS = 183,
    TREE_SORTED = 184,
};

struct node {
    enum tree_no no;
    uint64_t object; /* 0 = it belongs to no object, as files at the root do */
};

static inline uint64_t tree_inode(uint64_t object, unsigned no)
{
    return object << 8 | no;
}

#endif
