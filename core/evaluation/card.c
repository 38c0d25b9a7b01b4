#include "core/evaluation/card.h"

#include "core/basic/language.h"

#include <math.h>
#include <string.h>

void markdown_text(struct text *out, const char *s)
{
    struct text clean = TEXT_INIT;
    text_put_printable(&clean, s, strlen(s));
    for (s = text_string(&clean); *s; s++) {
        if (*s ==
            '<') { /* not every viewer knows that a backslash escapes it */
            text_puts(out, "&lt;");
            continue;
        }
        if (strchr("\\`*_[]>|&~#!$", *s))
            text_puts(out, "\\");
        text_add(out, s, 1);
    }
    text_release(&clean);
}

/* Prints "- label: text" where there is a text. */
static void put_item(struct text *out, const char *label, const char *value)
{
    if (!value || !*value)
        return;
    text_printf(out, "- %s: ", label);
    markdown_text(out, value);
    text_puts(out, "\n");
}

static void put_count(struct text *out, const char *label, long long n)
{
    if (n > 0)
        text_printf(out, "- %s: %lld\n", label, n);
}

static void put_day(struct text *out, const char *label, double time)
{
    struct text day = TEXT_INIT;
    if (time > 0) {
        text_put_time(&day, time);
        text_resize(&day, sizeof "2026-01-01" - 1);
    }
    put_item(out, label, text_string(&day));
    text_release(&day);
}

static void put_trained(struct text *out, const struct card *c)
{
    text_printf(out, "\n## %s\n\n", _("On what it was trained"));
    put_item(out, _("dataset"), c->dataset);
    put_count(out, _("training pictures"), c->images);
    put_count(out, _("epochs"), c->epochs);
    put_item(out, _("network"), c->network);
    put_item(out, _("began from"), c->base);
    put_item(out, _("precision"), c->precision);
    put_day(out, _("finished"), c->finished);
    text_printf(out, "\n%s\n",
                _("`template` has the parameters that were asked for, `config` "
                  "those that were used and why, `dataset` what was found in "
                  "the pictures."));
}

static void put_expects(struct text *out, const struct card *c)
{
    text_printf(out, "\n## %s\n\n", _("What it expects"));
    text_printf(out,
                _("A picture as RGB, resized to %lld × %lld pixels "
                  "(bilinear, antialiased; the aspect ratio is not kept), "
                  "upright. "),
                c->image_size, c->image_size);
    text_puts(out,
              _("`model.onnx` takes `image`, float32 `[N,3,H,W]` with values "
                "from 0 to 255, and gives `probabilities` in the order of "
                "`labels.txt`; normalisation and softmax are inside.\n"));
    text_printf(out, "\n%s\n",
                _("It knows its own classes alone: to a picture of anything "
                  "else it gives one of them, too. Choose a confidence below "
                  "which a person looks; `thresholds.csv` says what each "
                  "costs."));
}

static void put_python(struct text *out, const struct card *c)
{
    text_printf(
        out,
        "\n```python\n"
        "import numpy, onnxruntime\n"
        "from PIL import Image\n\n"
        "session = onnxruntime.InferenceSession(\"model.onnx\")\n"
        "classes = open(\"labels.txt\", encoding=\"utf-8\")"
        ".read().splitlines()\n"
        "picture = Image.open(\"picture.jpg\").convert(\"RGB\")\n"
        "picture = picture.resize((%lld, %lld), Image.BILINEAR)\n"
        "image = numpy.asarray(picture, \"float32\").transpose(2, 0, 1)\n"
        "p = session.run(None, {\"image\": image[None]})[0][0]\n",
        c->image_size, c->image_size);
    text_puts(out, "p = p ** (1 / ");
    text_put_double(out, c->temperature, 7);
    text_printf(out, ")  # %s\np = p / p.sum()\n",
                _("the temperature: calibrated confidences"));
    text_puts(out, "print(classes[p.argmax()], p.max())\n```\n");
}

static void put_run(struct text *out, const struct card *c)
{
    text_printf(out, "\n## %s\n\n", _("How to run it"));
    text_puts(out, "```sh\nprimo-train predict . picture.jpg\n```\n");
    if (c->temperature > 0)
        put_python(out, c);
}

void card_put(struct text *out, const struct card *c)
{
    text_puts(out, "# ");
    markdown_text(out, c->title);
    text_puts(out, "\n\n");
    if (c->description && *c->description) {
        markdown_text(out, c->description);
        text_puts(out, "\n\n");
    }
    text_puts(out, c->evaluation ? c->evaluation : "");
    if (c->dataset && *c->dataset)
        put_trained(out, c);
    if (!c->image_size)
        return;
    put_expects(out, c);
    put_run(out, c);
}
