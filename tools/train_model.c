/* cl_train: the model that is about to be trained. */
#include "train_model.h"

#include "train_dry.h"
#include "train_json.h"

/* With the weights of --init, then with frozen layers. A trainer wants two classes. */
static cen_status try_init(const run *r, cen_model *model, cen_error *error)
{
    cen_train_options options = cen_train_options_init();
    cen_trainer *trainer;
    cen_status status = CEN_OK;
    if (s.init != NULL && !r->is_resumed) {
        status = cen_model_load_weights(model, s.init, NULL, error);
    }
    if (status != CEN_OK || s.n_frozen == 0) return status;
    options.batch_size = 1;
    options.n_frozen = s.n_frozen;
    status = cen_model_set_classes(model, 2, NULL, NULL, error);
    if (status == CEN_OK) status = cen_trainer_create(&trainer, model, &options, error);
    if (status == CEN_OK) cen_trainer_free(trainer);
    return status;
}

int check_net(const run *r, const cen_model_options *options)
{
    cen_model *model;
    cen_error error;
    cen_model_options tried = *options;
    if (tried.net == NULL) tried.net = "small"; /* the recipe's nets take the same images */
    if (cen_model_create(r->context, &model, &tried, &error) == CEN_OK) {
        cen_status status = try_init(r, model, &error);
        cen_model_free(model);
        return status == CEN_OK ? 0 : refuse(EXIT_FAILED, "%s", error.message);
    }
    int code = error.status == CEN_ERROR_MEMORY ? EXIT_FAILED : EXIT_USAGE;
    if (error.status == CEN_ERROR_LIMIT && r->is_limited) {
        return refuse(code, "%s/arguments: %s: add --image-size and --net as they stand there",
                      r->folder, error.message);
    }
    return refuse(code, "%s", error.message);
}

/* So that a run which is resumed has it, whatever its images show then. */
static cen_status keep_net(run *r, const cen_model_options *model, cen_error *error)
{
    s.alike = model->alike;
    if (s.net != NULL) return CEN_OK;
    s.net = keep_choice(r, "net", model->net);
    s.net_is_chosen = true;
    if (s.net == NULL) *error = r->error;
    return s.net != NULL ? CEN_OK : error->status;
}

static cen_status make_model(run *r, const cen_folder *folder, training *t, size_t *n_taken,
                             cen_error *error)
{
    cen_status status = cen_recipe_choose(r->context, cen_folder_dataset(folder), &t->model,
                                          &t->train, &t->fit, &t->augment, error);
    if (status != CEN_OK) return status;
    apply_settings(t);
    status = keep_net(r, &t->model, error);
    if (status == CEN_OK) status = cen_model_create(r->context, &r->model, &t->model, error);
    if (status == CEN_OK && s.init != NULL && !r->is_resumed) {
        status = cen_model_load_weights(r->model, s.init, n_taken, error);
    }
    return status == CEN_OK ? note_settings(r->model, error) : status;
}

cen_status make_timed_model(run *r, const cen_folder *folder, training *t, size_t *n_taken,
                            cen_error *error)
{
    const bool is_timed = s.minutes > 0 && s.n_epochs == 0;
    cen_status status = make_model(r, folder, t, n_taken, error);
    if (!is_timed || status != CEN_OK) return status;
    status = choose_epochs(r, folder, t, error);
    cen_model_free(r->model);
    r->model = NULL;
    return status == CEN_OK ? make_model(r, folder, t, n_taken, error) : status;
}
