"""The article's program, run by Keras, and its tensors by the names of a model file.

It needs `pip install tensorflow-cpu tf_keras`: Keras 3 has no longer what the program calls."""
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tf_keras  # noqa: E402

# As it is printed, up to its last line, which trains: fit is called with the order of another program.
PROGRAM = """
from keras.layers import Input,Conv2D, MaxPooling2D,Flatten,Dense,Embedding,Lambda
from keras.models import Model
from keras import backend as K
nb_classes = 100
feature_size = 32
input_image = Input(shape=(224,224,3))
cnn = Conv2D(10, (2,2))(input_image)
cnn = MaxPooling2D((2,2))(cnn)
cnn = Flatten()(cnn)
feature = Dense(feature_size, activation='relu')(cnn)
predict = Dense(nb_classes, activation='softmax', name='softmax')(feature) #至此,得到一个常规的softmax分类模型
input_target = Input(shape=(1,))
centers = Embedding(nb_classes, feature_size)(input_target) #Embedding层用来存放中心
l2_loss = Lambda(lambda x: K.sum(K.square(x[0]-x[1][:,0]), 1, keepdims=True), name='l2_loss')([feature,centers])
model_train = Model(inputs=[input_image,input_target], outputs=[predict,l2_loss])
model_train.compile(optimizer='adam', loss=['sparse_categorical_crossentropy',lambda y_true,y_pred: y_pred], loss_weights=[1.,0.2], metrics={'softmax':'accuracy'})
model_predict = Model(inputs=input_image, outputs=predict)
model_predict.compile(optimizer='adam', loss='sparse_categorical_crossentropy', metrics=['accuracy'])
"""
NET, WEIGHT = "conv 10 2x2, maxpool 2, flatten, dense 32, relu", 0.2


class Article:
    """The program for its own or another size of the images, with float32 or float64 for every number."""

    def __init__(self, height, width, n_classes, floats="float32", seed=1, epsilon=None):
        tf_keras.backend.clear_session()
        tf_keras.backend.set_floatx(floats)
        tf_keras.utils.set_random_seed(seed)
        text = PROGRAM
        for of, to in (("from keras", "from tf_keras"), ("nb_classes = 100", "nb_classes = %d" % n_classes),
                       ("shape=(224,224,3)", "shape=(%d,%d,3)" % (height, width))):
            assert of in text
            text = text.replace(of, to)
        names = {}
        exec(text, names)  # pylint: disable=exec-used
        self.model = names["model_train"]
        if epsilon is not None:
            self.model.optimizer.epsilon = epsilon
        if floats == "float64":  # Adam rounds them to float32 first, which is 6e-6 of the first step
            self.model.optimizer.beta_1 = tf.constant(0.9, tf.float64)
            self.model.optimizer.beta_2 = tf.constant(0.999, tf.float64)
        self.area = ((height - 1) // 2, (width - 1) // 2)  # after the pool

    def arrays(self):
        """Keras has kernels and the flattened image with channels last, a model file has them first."""
        kernel, kernel_bias, dense, dense_bias, centers, head, head_bias = self.model.get_weights()
        channels, size = kernel.shape[3], dense.shape[1]
        dense = dense.reshape(self.area + (channels, size)).transpose(3, 2, 0, 1).reshape(size, -1)
        return {"body.0.weight": kernel.transpose(3, 2, 0, 1), "body.0.bias": kernel_bias,
                "body.3.weight": dense, "body.3.bias": dense_bias,
                "head.weight": head.T, "head.bias": head_bias, "centers.weight": centers}

    def start_as(self, other):
        self.model.set_weights([w.astype(tf_keras.backend.floatx()) for w in other.model.get_weights()])

    def fit(self, batches):
        """One fit over these batches of (x[n, 3, height, width], labels[n]): total, softmax and center loss
        of each."""
        rows = []

        class Note(tf_keras.callbacks.Callback):
            def on_train_batch_begin(self, batch, logs=None):
                self.model.reset_metrics()

            def on_train_batch_end(self, batch, logs=None):
                rows.append([logs["loss"], logs["softmax_loss"], logs["l2_loss_loss"]])

        def generate():
            for x, labels in batches:
                labels = np.asarray(labels, "i4").reshape(-1, 1)
                yield (np.ascontiguousarray(np.transpose(x, (0, 2, 3, 1)), floats), labels), (labels, labels)

        floats = tf_keras.backend.floatx()
        self.model.fit(generate(), epochs=1, steps_per_epoch=len(batches), verbose=0, callbacks=[Note()])
        return np.array(rows, "f8")


def use_one_thread():
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
